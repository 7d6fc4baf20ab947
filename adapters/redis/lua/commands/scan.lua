-- HSCAN or SSCAN, key, cursor, bytes. Gives the next cursor and what it has found.
local cursor, left, found = ARGV[3], tonumber(ARGV[4]), {}
repeat
  local some = call(ARGV[1], prefix .. ARGV[2], cursor, 'COUNT', 20)
  cursor = some[1]
  for _, text in ipairs(some[2]) do
    found[#found + 1] = text
    left = left - #text
  end
until cursor == '0' or left <= 0 or #found >= 400
return { cursor, found }
