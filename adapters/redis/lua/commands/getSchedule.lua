-- id. Gives the schedule.
return show(ARGV[1])
