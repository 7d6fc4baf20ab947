-- run, place of the first line, bytes. Returns the header, how many lines were dropped, lines, and 1 at the end of the list.
local from, bytesLeft, found = tonumber(ARGV[2]), tonumber(ARGV[3]), {}
local header, dropped = unpack(call('HMGET', prefix .. KEY.run .. ARGV[1], RUN.header, RUN.dropped))
while bytesLeft > 0 and #found < BOUND.reads do
  local page = call('LRANGE', prefix .. KEY.lines .. ARGV[1], from + #found, from + #found + 19)
  for _, line in ipairs(page) do
    found[#found + 1] = line
    bytesLeft = bytesLeft - #line
  end
  if #page < 20 then return { header, dropped, found, 1 } end
end
return { header, dropped, found, 0 }
