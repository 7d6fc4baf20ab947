-- pipeline.
later('SREM', P .. 'paused', ARGV[1])
wakeAll = true
commit(nil)
