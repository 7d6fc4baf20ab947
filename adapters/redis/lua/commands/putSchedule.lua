-- id, definition, when it was made, next instant, whether it replaces, pipeline, how many schedules there may be, version. Gives
-- the schedule, or EXISTS, or FULL.
local key = prefix .. KEY.schedule .. ARGV[1]
local known = call('HGET', key, 'd')
if known and known == ARGV[2] then
  call('HSET', key, 'V', ARGV[8])
  -- It may be half there, if a call before this one failed.
  call('SADD', prefix .. KEY.schedules, ARGV[1])
  local state = call('HMGET', key, 'p', 'n')
  if state[1] == '0' then call('ZADD', prefix .. KEY.schedulesDue, 'NX', state[2], ARGV[1]) end
  news()
  return show(ARGV[1])
end
if known and ARGV[5] ~= '1' then return 'EXISTS' end
if not known and call('SCARD', prefix .. KEY.schedules) >= tonumber(ARGV[7]) then return 'FULL' end
call('SADD', prefix .. KEY.schedules, ARGV[1])
call('HSET', key, 'd', ARGV[2], 'c', ARGV[3], 'n', ARGV[4], 'p', '0', 'f', '0', 'k', '0', 'i', ARGV[6], 'V', ARGV[8])
call('HDEL', key, 'l', 'r')
call('ZADD', prefix .. KEY.schedulesDue, ARGV[4], ARGV[1])
news()
return show(ARGV[1])
