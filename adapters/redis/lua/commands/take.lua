-- Takes a permit. key, permits, period in milliseconds. Returns whether it is allowed, how many permits are left, and in how many
-- milliseconds the oldest permit is free again.
local key, permits, period = prefix .. KEY.rate .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local newest = tonumber(call('LINDEX', key, 0) or 0)
-- The server's clock may be set back; the clock of this limit never goes back.
if newest > now then now = newest end
local kept = call('LLEN', key)

-- Instants, newest first. A binary search finds how many at the end are past.
local function arePast(count) return tonumber(call('LINDEX', key, -count)) <= now - period end
local past = 0
if kept > 0 and arePast(1) then
  local low, high = 1, kept
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if arePast(middle) then low = middle else high = middle - 1 end
  end
  past = low
end
local used = kept - past
local oldest = used > 0 and tonumber(call('LINDEX', key, -past - 1)) or now
local reset = oldest + period - now

if past > 0 then call('LTRIM', key, 0, -past - 1) end
if used >= permits then return { 0, 0, reset } end
call('LPUSH', key, fmt(now))
call('PEXPIRE', key, period)
return { 1, permits - used - 1, reset }
