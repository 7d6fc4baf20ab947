-- leaseMillis; then unit and token of each lease. Gives which are lost, by place.
local lost, ends = {}, fmt(now + tonumber(ARGV[1]))
for k = 2, #ARGV, 2 do
  local id, index, item = string.match(ARGV[k], '^([^:]+):(%d+):?(%d*)$')
  local key = item == '' and (prefix .. KEY.run .. id) or (prefix .. KEY.itemWork .. id .. ':' .. index)
  local lease = call('HGET', key, WORK.lease .. (item == '' and index or item))
  if not (lease and string.match(lease, '^%d+') == ARGV[k + 1]) then lost[#lost + 1] = k / 2 - 1 end
end
local isLost = {}
for _, place in ipairs(lost) do isLost[place] = true end
local renewed = {}
for k = 2, #ARGV, 2 do
  if not isLost[k / 2 - 1] then
    renewed[#renewed + 1] = ends
    renewed[#renewed + 1] = ARGV[k] .. '|' .. ARGV[k + 1]
  end
end
for from = 1, #renewed, 1000 do call('ZADD', prefix .. KEY.leases, unpack(renewed, from, math.min(from + 999, #renewed))) end
return lost
