-- lease in milliseconds; then unit and token of each lease. Returns the places of lost leases.
local lost, isLost, leaseEnd = {}, {}, fmt(now + tonumber(ARGV[1]))
for at = 2, #ARGV, 2 do
  local id, index, item = string.match(ARGV[at], '^([^:]+):(%d+):?(%d*)$')
  local key = item == '' and (prefix .. KEY.run .. id) or (prefix .. KEY.itemWork .. id .. ':' .. index)
  local lease = call('HGET', key, WORK.lease .. (item == '' and index or item))
  if not (lease and string.match(lease, '^%d+') == ARGV[at + 1]) then
    isLost[at] = true
    lost[#lost + 1] = at / 2 - 1
  end
end
local renewed = {}
for at = 2, #ARGV, 2 do
  if not isLost[at] then
    renewed[#renewed + 1] = leaseEnd
    renewed[#renewed + 1] = ARGV[at] .. '|' .. ARGV[at + 1]
  end
end
for from = 1, #renewed, 1000 do
  call('ZADD', prefix .. KEY.leases, unpack(renewed, from, math.min(from + 999, #renewed)))
end
return lost
