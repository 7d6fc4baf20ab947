-- bytes, then ids of runs. Returns as many runs as fit into the bytes, at least one: nothing for a run that does not exist; `1`
-- and all fields of a small run; `0` and header, place of submission and own properties of a large run.
local maxBytes = tonumber(ARGV[1])
local bytesLeft, fieldsLeft, found = maxBytes, BOUND.reads, {}

-- The bytes of the values of a run, from its header: they follow the optional fields.
local function bytesOf(header) return tonumber(string.match(header, '^%a|%d+|%d+|%d|%d|%a*|(%d+)|')) end

for place = 2, #ARGV do
  local key = prefix .. KEY.run .. ARGV[place]
  local header = call('HGET', key, RUN.header)
  local size = header and call('HLEN', key) or 1
  local bytes = header and size <= BOUND.reads and bytesOf(header) or 0
  local isSmall = size <= BOUND.reads and bytes <= maxBytes
  if not isSmall then size, bytes = 3, 0 end
  -- Header and size of the hash are read already.
  size = size + 2
  if place > 2 and (size > fieldsLeft or bytes > bytesLeft) then break end
  fieldsLeft = fieldsLeft - size
  bytesLeft = bytesLeft - bytes
  if not header then
    found[#found + 1] = false
  elseif isSmall then
    found[#found + 1] = { 1, call('HGETALL', key) }
  else
    found[#found + 1] = { 0, call('HMGET', key, RUN.header, RUN.submitted, RUN.own) }
  end
end
return found
