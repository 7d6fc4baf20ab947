-- Puts fields aside. key, seconds; then fields and texts. The key is gone after these seconds unless an act takes it. Fields
-- and time are set in one act: a process that ends in between would leave a key for ever.
local key = prefix .. ARGV[1]
call('HSET', key, unpack(ARGV, 3))
call('EXPIRE', key, ARGV[2])
