-- id, whether to pause it, next instant if it is resumed. Returns the schedule, or nothing when it does not exist.
local id, isPaused, next = ARGV[1], ARGV[2] == '1', ARGV[3]
local key = prefix .. KEY.schedule .. id
if call('EXISTS', key) == 0 then return nil end
local shown = show(id)
if isPaused then
  call('HSET', key, SCHEDULE.isPaused, '1')
  call('ZREM', prefix .. KEY.schedulesDue, id)
  shown[4] = '1'
elseif shown[4] == '1' then
  -- The index first: if the next write fails, the schedule is still paused, and another call resumes it.
  call('ZADD', prefix .. KEY.schedulesDue, next, id)
  call('HSET', key, SCHEDULE.isPaused, '0', SCHEDULE.next, next)
  news()
  shown[3], shown[4] = next, '0'
end
return shown
