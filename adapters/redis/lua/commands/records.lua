-- Lists records of the audit log, newest first. newest, oldest, how many at most, bytes. Returns records, and 1 at the end of the
-- list.
local from, most, bytesLeft, found = ARGV[1], math.min(tonumber(ARGV[3]), BOUND.reads), tonumber(ARGV[4]), {}
while bytesLeft > 0 and #found < most do
  local wanted = math.min(20, most - #found)
  local page = call('XREVRANGE', prefix .. KEY.audit, from, ARGV[2], 'COUNT', wanted)
  for _, record in ipairs(page) do
    local id, text = record[1], record[2][2]
    found[#found + 1] = { id, text }
    bytesLeft = bytesLeft - #text
    from = '(' .. id
  end
  if #page < wanted then return { found, 1 } end
end
return { found, 0 }
