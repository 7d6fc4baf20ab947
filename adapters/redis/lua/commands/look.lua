-- bytes, `1` to leave out values, then ids of runs. Returns as many runs as fit into the bytes, at least one: nothing for a run
-- that does not exist; `1` and all fields of a small run; otherwise `0` and header, place of submission and own properties, with
-- the events behind them if values are left out and there are not too many.
local maxBytes, isBare = tonumber(ARGV[1]), ARGV[2] == '1'
local bytesLeft, fieldsLeft, found = maxBytes, BOUND.reads, {}

-- The bytes of the values of a run, from its header: they follow the optional fields.
local function bytesOf(header) return tonumber(string.match(header, '^%a|%d+|%d+|%d|%d|%a*|(%d+)|')) end

-- Header, place, own properties, and events of a run, by its header.
local function bareFields(header)
  local fields = { RUN.header, RUN.submitted, RUN.own }
  local events = tonumber(string.match(header, '^%a|%d+|(%d+)|'))
  if events + 5 <= BOUND.reads then
    for sequence = 1, events do fields[sequence + 3] = fmt(sequence) end
  end
  return fields
end

for place = 3, #ARGV do
  local key = prefix .. KEY.run .. ARGV[place]
  local header = call('HGET', key, RUN.header)
  local fields = header and isBare and bareFields(header)
  local size = fields and #fields or (header and call('HLEN', key)) or 1
  local bytes = header and not fields and size <= BOUND.reads and bytesOf(header) or 0
  local isSmall = not fields and size <= BOUND.reads and bytes <= maxBytes
  if not isSmall and not fields then size, bytes = 3, 0 end
  -- Header and size of the hash are read already.
  size = size + 2
  if place > 3 and (size > fieldsLeft or bytes > bytesLeft) then break end
  fieldsLeft = fieldsLeft - size
  bytesLeft = bytesLeft - bytes
  if not header then
    found[#found + 1] = false
  elseif isSmall then
    found[#found + 1] = { 1, call('HGETALL', key) }
  else
    found[#found + 1] = { 0, call('HMGET', key, unpack(fields or { RUN.header, RUN.submitted, RUN.own })) }
  end
end
return found
