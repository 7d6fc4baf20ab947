-- Puts fields aside under a key, which goes by itself unless an act takes them: in one act, so that no key stays for ever
-- whose process ends before it has said for how long. The key's name, seconds, then fields and texts.
local key = KEYS[1] .. ARGV[1]
redis.call('HSET', key, unpack(ARGV, 3))
redis.call('EXPIRE', key, ARGV[2])
