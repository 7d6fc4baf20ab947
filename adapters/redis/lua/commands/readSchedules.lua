-- bytes, then ids. Gives as many schedules as fit into the bytes, at least one.
local some, bytes = {}, 0
for k = 2, #ARGV do
  local shown = show(ARGV[k])
  bytes = bytes + #(shown[1] or '')
  if k > 2 and bytes > tonumber(ARGV[1]) then break end
  some[#some + 1] = shown
end
return some
