-- For how long what is given is another process' to remove no more, in milliseconds. Gives references of values that are kept
-- elsewhere and whose runs are forgotten.
local references = call('ZRANGEBYSCORE', P .. 'gone', '-inf', fmt(now), 'LIMIT', 0, 100)
local taken = {}
for _, reference in ipairs(references) do
  taken[#taken + 1] = fmt(now + tonumber(ARGV[1]))
  taken[#taken + 1] = reference
end
-- In one command: one that another process is to leave alone is one that this process knows of.
if #taken > 0 then call('ZADD', P .. 'gone', unpack(taken)) end
return references
