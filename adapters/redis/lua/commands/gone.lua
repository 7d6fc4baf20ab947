-- milliseconds. Returns references to values of forgotten runs in the blob store, for the caller to remove. No other process
-- gets them for so many milliseconds.
local references = call('ZRANGEBYSCORE', prefix .. KEY.gone, '-inf', fmt(now), 'LIMIT', 0, 100)
local taken = {}
for _, reference in ipairs(references) do
  taken[#taken + 1] = fmt(now + tonumber(ARGV[1]))
  taken[#taken + 1] = reference
end
-- In one command, so that no reference is taken that the caller does not get.
if #taken > 0 then call('ZADD', prefix .. KEY.gone, unpack(taken)) end
return references
