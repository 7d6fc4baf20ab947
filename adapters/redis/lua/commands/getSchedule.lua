-- id. Returns the schedule.
return show(ARGV[1])
