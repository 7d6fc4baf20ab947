-- bytes, then ids of runs. Gives as many runs as fit into the bytes, at least one: nothing for a run that is not there; `1` and all
-- fields of a small one; or `0` and header, submission and own text of a large one.
local budget = tonumber(ARGV[1])
local left, fields, found = budget, BOUND.reads, {}

-- How many bytes the values of a run have, as its header says behind its optional fields.
local function bytesOf(header) return tonumber(string.match(header, '^%a|%d+|%d+|%d|%d|%a*|(%d+)|')) end

for k = 2, #ARGV do
  local key = prefix .. KEY.run .. ARGV[k]
  local header = call('HGET', key, RUN.header)
  local size = header and call('HLEN', key) or 1
  local bytes = header and size <= BOUND.reads and bytesOf(header) or 0
  local isSmall = size <= BOUND.reads and bytes <= budget
  if not isSmall then size, bytes = 3, 0 end
  -- Its header and its size were looked at besides.
  size = size + 2
  if k > 2 and (size > fields or bytes > left) then break end
  fields = fields - size
  left = left - bytes
  if not header then found[#found + 1] = false
  elseif isSmall then found[#found + 1] = { 1, call('HGETALL', key) }
  else found[#found + 1] = { 0, call('HMGET', key, RUN.header, RUN.submitted, RUN.own) } end
end
return found
