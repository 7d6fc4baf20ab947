-- bytes, then run and field of each wanted text. Gives as many as fit into the bytes, at least one.
local left, found = tonumber(ARGV[1]), {}
for k = 2, #ARGV, 2 do
  local key = prefix .. KEY.run .. ARGV[k]
  left = left - call('HSTRLEN', key, ARGV[k + 1])
  if left < 0 and k > 2 then break end
  found[#found + 1] = call('HGET', key, ARGV[k + 1])
end
return found
