-- id, whether it is paused, next instant when it is resumed. Gives the schedule, or nothing.
local key = prefix .. KEY.schedule .. ARGV[1]
if call('EXISTS', key) == 0 then return nil end
if ARGV[2] == '1' then
  call('HSET', key, SCHEDULE.isPaused, '1')
  call('ZREM', prefix .. KEY.schedulesDue, ARGV[1])
elseif call('HGET', key, SCHEDULE.isPaused) == '1' then
  -- First what is lost otherwise when the other fails: a resumed schedule is not resumed again.
  call('ZADD', prefix .. KEY.schedulesDue, ARGV[3], ARGV[1])
  call('HSET', key, SCHEDULE.isPaused, '0', SCHEDULE.next, ARGV[3])
  news()
end
return show(ARGV[1])
