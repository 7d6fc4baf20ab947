-- id. Gives 0 when there is no such schedule.
-- The hash last: as long as it is there, the schedule is, and another try finds it.
call('ZREM', prefix .. KEY.schedulesDue, ARGV[1])
call('SREM', prefix .. KEY.schedules, ARGV[1])
return call('DEL', prefix .. KEY.schedule .. ARGV[1])
