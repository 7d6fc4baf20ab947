-- key, permits, period in milliseconds. Gives whether it is allowed, how many are left, and in how many milliseconds the oldest
-- one is free again.
local key, permits, period = prefix .. KEY.rate .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local newest = tonumber(call('LINDEX', key, 0) or 0)
-- Whatever the clock does, it does not go back here.
if newest > now then now = newest end
local used = call('LLEN', key)
-- Whether so many at the end are past: they stand in their order, so it is not looked at each.
local function arePast(many) return tonumber(call('LINDEX', key, -many)) <= now - period end
if used > 0 and arePast(1) then
  local low, high = 1, used
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if arePast(middle) then low = middle else high = middle - 1 end
  end
  call('LTRIM', key, 0, -low - 1)
  used = used - low
end
local oldest = call('LINDEX', key, -1)
local reset = (tonumber(oldest or now)) + period - now
if used >= permits then return { 0, 0, reset } end
call('LPUSH', key, string.format('%.0f', now))
call('PEXPIRE', key, period)
return { 1, permits - used - 1, reset }
