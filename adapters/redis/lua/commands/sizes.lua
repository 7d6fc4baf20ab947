-- run and name of each value. Returns its bytes, or nothing when there is no such value. For a reference to the blob store, the
-- bytes of its text, which the reference has behind a line feed.
local LONGEST_REFERENCE, found = 4096, {}
for place = 1, #ARGV, 2 do
  local key, field = prefix .. KEY.run .. ARGV[place], RUN.value .. ARGV[place + 1]
  local bytes = call('HSTRLEN', key, field)
  if bytes <= LONGEST_REFERENCE then
    local value = call('HGET', key, field)
    bytes = value and (string.match(value, '^@[^\n]*\n(%d+)$') or bytes)
  end
  found[#found + 1] = bytes and tonumber(bytes)
end
return found
