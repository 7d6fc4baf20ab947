-- id, definition, when it was created, next instant, whether it replaces, pipeline, how many schedules there may be, version.
-- Returns the schedule, or EXISTS, or FULL.
local id, definition, created, next, version = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[8]
local key = prefix .. KEY.schedule .. id
local shown = show(id)
local known = shown[1]
if known and known == definition then
  local isPaused, due = shown[4] ~= '0', shown[3]
  call('HSET', key, SCHEDULE.version, version)
  -- An earlier call may have failed after writing a part of the schedule.
  call('SADD', prefix .. KEY.schedules, id)
  if not isPaused then call('ZADD', prefix .. KEY.schedulesDue, 'NX', due, id) end
  news()
  shown[9] = version
  return shown
end
if known and ARGV[5] ~= '1' then return 'EXISTS' end
if not known and call('SCARD', prefix .. KEY.schedules) >= tonumber(ARGV[7]) then return 'FULL' end
call('SADD', prefix .. KEY.schedules, id)
call('HSET', key, SCHEDULE.definition, definition, SCHEDULE.created, created, SCHEDULE.next, next, SCHEDULE.isPaused, '0',
  SCHEDULE.fired, '0', SCHEDULE.skipped, '0', SCHEDULE.pipeline, ARGV[6], SCHEDULE.version, version)
call('HDEL', key, SCHEDULE.last, SCHEDULE.lastRun)
call('ZADD', prefix .. KEY.schedulesDue, next, id)
news()
return { definition, created, next, '0', false, false, '0', '0', version }
