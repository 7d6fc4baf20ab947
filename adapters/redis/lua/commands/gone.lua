-- For how long what is given is another process' to remove no more, in milliseconds. Gives references of values that are kept
-- elsewhere and whose runs are forgotten.
local references = call('ZRANGEBYSCORE', P .. 'gone', '-inf', fmt(now), 'LIMIT', 0, 100)
for _, reference in ipairs(references) do call('ZADD', P .. 'gone', fmt(now + tonumber(ARGV[1])), reference) end
return references
