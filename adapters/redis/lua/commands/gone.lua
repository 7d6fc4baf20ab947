-- milliseconds. Gives references of values in the blob store whose runs are forgotten. The caller removes them; for so many
-- milliseconds no other process is given them.
local references = call('ZRANGEBYSCORE', prefix .. KEY.gone, '-inf', fmt(now), 'LIMIT', 0, 100)
local taken = {}
for _, reference in ipairs(references) do
  taken[#taken + 1] = fmt(now + tonumber(ARGV[1]))
  taken[#taken + 1] = reference
end
-- In one command: none is taken that the caller does not hear of.
if #taken > 0 then call('ZADD', prefix .. KEY.gone, unpack(taken)) end
return references
