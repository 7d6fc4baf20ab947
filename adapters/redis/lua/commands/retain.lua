-- historyCount, historyMillis.
isFreeing = true
retain(tonumber(ARGV[1]), tonumber(ARGV[2]), BOUND.forgotten)
commit(nil)
