-- Lists records of the audit log, newest first. newest, oldest, how many at most, bytes. Gives records, and 1 at the end.
local from, left, found = ARGV[1], tonumber(ARGV[4]), {}
local most = math.min(tonumber(ARGV[3]), BOUND.reads)
while left > 0 and #found < most do
  local wanted = math.min(20, most - #found)
  local some = call('XREVRANGE', prefix .. KEY.audit, from, ARGV[2], 'COUNT', wanted)
  for _, record in ipairs(some) do
    found[#found + 1] = { record[1], record[2][2] }
    left = left - #record[2][2]
    from = '(' .. record[1]
  end
  if #some < wanted then return { found, 1 } end
end
return { found, 0 }
