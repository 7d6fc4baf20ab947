-- id. Returns 0 when the schedule does not exist.
call('ZREM', prefix .. KEY.schedulesDue, ARGV[1])
call('SREM', prefix .. KEY.schedules, ARGV[1])
-- The hash last: if an earlier write fails, the schedule still exists and can be removed again.
return call('DEL', prefix .. KEY.schedule .. ARGV[1])
