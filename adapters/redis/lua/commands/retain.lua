-- How many ended runs are kept, and for how many milliseconds.
isFreeing = true
retain(tonumber(ARGV[1]), tonumber(ARGV[2]), BOUND.forgotten)
commit(nil)
