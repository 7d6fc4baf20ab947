-- place of the first schedule, how many at most. Returns the time, the next instant to come, and the due schedules, the longest
-- due first: id, pipeline, version, when it was created, and next instant.
local key, instant = prefix .. KEY.schedulesDue, fmt(now)
local due = {}
for _, id in ipairs(call('ZRANGEBYSCORE', key, '-inf', instant, 'LIMIT', ARGV[1], ARGV[2])) do
  local found =
    call('HMGET', prefix .. KEY.schedule .. id, SCHEDULE.pipeline, SCHEDULE.version, SCHEDULE.created, SCHEDULE.next)
  due[#due + 1] = { id, found[1], found[2] or '', found[3], found[4] }
end
local later = call('ZRANGEBYSCORE', key, '(' .. instant, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
return { instant, later or '', due }
