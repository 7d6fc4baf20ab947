-- bytes, then run and field of each wanted text. Returns as many texts as fit into the bytes, at least one.
local bytesLeft, found = tonumber(ARGV[1]), {}
for place = 2, #ARGV, 2 do
  local key, field = prefix .. KEY.run .. ARGV[place], ARGV[place + 1]
  bytesLeft = bytesLeft - call('HSTRLEN', key, field)
  if bytesLeft < 0 and place > 2 then break end
  found[#found + 1] = call('HGET', key, field)
end
return found
