-- pipeline.
later('SREM', prefix .. KEY.paused, ARGV[1])
wakeAll = true
commit(nil)
