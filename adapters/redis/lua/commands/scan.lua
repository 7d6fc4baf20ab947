-- HSCAN or SSCAN, key, cursor, bytes. Returns the next cursor and the entries found.
local cursor, bytesLeft, found = ARGV[3], tonumber(ARGV[4]), {}
repeat
  local next, page = unpack(call(ARGV[1], prefix .. ARGV[2], cursor, 'COUNT', 20))
  cursor = next
  for _, text in ipairs(page) do
    found[#found + 1] = text
    bytesLeft = bytesLeft - #text
  end
until cursor == '0' or bytesLeft <= 0 or #found >= BOUND.reads - 100
return { cursor, found }
