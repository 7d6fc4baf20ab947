-- Stages fields. key, seconds; then fields and texts. The key expires unless an act takes it. Both writes are in one script,
-- because a process that ended between them would leave the key for ever.
local key = prefix .. ARGV[1]
call('HSET', key, unpack(ARGV, 3))
call('EXPIRE', key, ARGV[2])
