-- place of the first one, how many at most. Gives the time, the next instant to come, and the schedules that are due, the longest
-- due first: id, pipeline, version, when it was made, and next instant.
local now = fmt(now)
local key = prefix .. KEY.schedulesDue
local due = {}
for _, id in ipairs(call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', ARGV[1], ARGV[2])) do
  local head = call('HMGET', prefix .. KEY.schedule .. id, SCHEDULE.pipeline, SCHEDULE.version, SCHEDULE.created, SCHEDULE.next)
  due[#due + 1] = { id, head[1], head[2] or '', head[3], head[4] }
end
return { now, call('ZRANGEBYSCORE', key, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2] or '', due }
