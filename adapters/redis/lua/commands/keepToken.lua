-- digest, text, milliseconds, how many tokens there may be. Returns 1 when the token is kept, 0 when there are too many.
local valid = call('ZCOUNT', prefix .. KEY.issued, '(' .. fmt(now), '+inf')
call('ZREMRANGEBYSCORE', prefix .. KEY.issued, '-inf', now)
if valid >= tonumber(ARGV[4]) then return 0 end
call('ZADD', prefix .. KEY.issued, now + tonumber(ARGV[3]), ARGV[1])
call('SET', prefix .. KEY.token .. ARGV[1], ARGV[2], 'PX', ARGV[3])
return 1
