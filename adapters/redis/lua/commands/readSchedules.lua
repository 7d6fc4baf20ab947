-- bytes, then ids. Returns as many schedules as fit into the bytes, at least one.
local found, bytes = {}, 0
for place = 2, #ARGV do
  local shown = show(ARGV[place])
  bytes = bytes + #(shown[1] or '')
  if place > 2 and bytes > tonumber(ARGV[1]) then break end
  found[#found + 1] = shown
end
return found
