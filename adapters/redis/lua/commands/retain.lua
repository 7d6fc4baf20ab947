-- historyCount, historyMillis.
retain(tonumber(ARGV[1]), tonumber(ARGV[2]), MAX_FORGOTTEN)
commit(nil)
