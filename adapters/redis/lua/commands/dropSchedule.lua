-- id. Gives 0 when there is no such schedule.
call('ZREM', prefix .. KEY.schedulesDue, ARGV[1])
call('SREM', prefix .. KEY.schedules, ARGV[1])
-- The hash last: where this fails, the schedule is still there for another try.
return call('DEL', prefix .. KEY.schedule .. ARGV[1])
