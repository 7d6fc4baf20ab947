/**
 * The script of limits by time: `rate:<key>` list, the instants of what was taken, newest first. Key, permits, period.
 * Gives whether it is allowed, how many are left, and in how many milliseconds the oldest is free again.
 */
export const TAKE: string = String.raw`
local call = redis.call
local key, permits, period = KEYS[1] .. 'rate:' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
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
`

/**
 * The script that keeps a token: `token:<digest>` whom it stands for; `issued` sorted set of digests by their end. Digest,
 * text, how long, how many there may be. Gives whether it is kept.
 */
export const KEEP_TOKEN: string = String.raw`
local P, call = KEYS[1], redis.call
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
call('ZREMRANGEBYSCORE', P .. 'issued', '-inf', now)
if call('ZCARD', P .. 'issued') >= tonumber(ARGV[4]) then return 0 end
call('ZADD', P .. 'issued', now + tonumber(ARGV[3]), ARGV[1])
call('SET', P .. 'token:' .. ARGV[1], ARGV[2], 'PX', ARGV[3])
return 1
`
