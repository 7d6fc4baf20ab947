/**
 * The scripts that read. Each looks at no more than about 500 things a call, and stops adding to its answer once that has
 * the bytes that were asked for: an answer is at most one value longer. The caller goes on from there in its next call.
 */

/** How many things a script looks at. */
export const MOST = 500

/**
 * Runs: how many bytes at most, and their ids. Gives as many as fit, at least one, each as nothing when it is not there, `1`
 * and all of its fields when it is small, or else `0` and its header, instant and own text.
 */
const LOOK = String.raw`
local P, call = KEYS[1], redis.call
local budget = tonumber(ARGV[1])
local left, fields, found = budget, ${MOST}, {}

-- How many bytes the values of a run have, as its header says behind its optional fields.
local function bytesOf(header) return tonumber(string.match(header, '^%a|%d+|%d+|%d|%d|%a*|(%d+)|')) end

for k = 2, #ARGV do
  local key = P .. 'r:' .. ARGV[k]
  local header = call('HGET', key, 'h')
  local size = header and call('HLEN', key) or 1
  local bytes = header and size <= ${MOST} and bytesOf(header) or 0
  local isSmall = size <= ${MOST} and bytes <= budget
  if not isSmall then size, bytes = 3, 0 end
  -- Its header and its size were looked at besides.
  size = size + 2
  if k > 2 and (size > fields or bytes > left) then break end
  fields = fields - size
  left = left - bytes
  if not header then found[#found + 1] = false
  elseif isSmall then found[#found + 1] = { 1, call('HGETALL', key) }
  else found[#found + 1] = { 0, call('HMGET', key, 'h', 'm', 'j') } end
end
return found
`

/** Fields of runs: how many bytes at most; then run and field of each. Gives as many as fit, at least one. */
const FIELDS = String.raw`
local P, call = KEYS[1], redis.call
local left, found = tonumber(ARGV[1]), {}
for k = 2, #ARGV, 2 do
  local key = P .. 'r:' .. ARGV[k]
  left = left - call('HSTRLEN', key, ARGV[k + 1])
  if left < 0 and k > 2 then break end
  found[#found + 1] = call('HGET', key, ARGV[k + 1])
end
return found
`

/** Lines of a run: its id, from which place on, how many bytes at most. Gives its header, how many were dropped, and lines. */
const LINES = String.raw`
local P, call = KEYS[1], redis.call
local from, left, found = tonumber(ARGV[2]), tonumber(ARGV[3]), {}
local run = call('HMGET', P .. 'r:' .. ARGV[1], 'h', 'D')
while left > 0 and #found < ${MOST} do
  local some = call('LRANGE', P .. 'g:' .. ARGV[1], from + #found, from + #found + 19)
  for _, line in ipairs(some) do
    found[#found + 1] = line
    left = left - #line
  end
  if #some < 20 then return { run[1], run[2], found, 1 } end
end
return { run[1], run[2], found, 0 }
`

/**
 * Runs by when they were submitted, newest first: an index, from which score down to which, how many at most, which status
 * (or nothing), and an index of runs that have another status (or nothing). Gives ids with their scores, where to go on (or
 * nothing at the end), and how many were looked at.
 */
const LIST = String.raw`
local P, call = KEYS[1], redis.call
local key, top, least, most, status = P .. ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local function fmt(place) return string.format('%.0f', tonumber(place)) end

-- How many at the front are all in another index, which is part of this one: where both have the same run at a rank, they
-- have the same ones before it.
local function front(part)
  local from, of = 0, 0
  if top ~= '+inf' then
    local place = string.sub(top, 2)
    from, of = call('ZCOUNT', key, place, '+inf'), call('ZCOUNT', part, place, '+inf')
  end
  local function isSame(n)
    local at = call('ZRANGE', part, -of - n, -of - n)[1]
    return at ~= nil and at == call('ZRANGE', key, -from - n, -from - n)[1]
  end
  if not isSame(1) then return from, 0 end
  local low, high = 1, call('ZCARD', part) - of
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if isSame(middle) then low = middle else high = middle - 1 end
  end
  return from, low
end

if ARGV[6] ~= '' then
  local from, passed = front(P .. ARGV[6])
  if passed > 0 then
    local first = call('ZRANGE', key, -from - passed - 1, -from - passed - 1, 'WITHSCORES')[2]
    if not first then return { {}, '', 1 } end
    top = fmt(first)
  end
end

local many = status == '' and math.min(most, ${MOST}) or 200
local page = call('ZREVRANGEBYSCORE', key, top, least, 'WITHSCORES', 'LIMIT', 0, many)
local found = {}
for k = 1, #page, 2 do
  local header = status ~= '' and call('HGET', P .. 'r:' .. page[k], 'h')
  if status == '' or (header and string.sub(header, 1, 1) == status) then
    found[#found + 1] = page[k]
    found[#found + 1] = fmt(page[k + 1])
    if #found == 2 * most then return { found, fmt(page[k + 1]), (k + 1) / 2 } end
  end
end
return { found, #page == 2 * many and fmt(page[#page]) or '', #page / 2 }
`

/** A table: HSCAN or SSCAN, its key, where to go on, how many bytes at most. Gives where to go on, and what is there. */
const SCAN = String.raw`
local P, call = KEYS[1], redis.call
local cursor, left, found = ARGV[3], tonumber(ARGV[4]), {}
repeat
  local some = call(ARGV[1], P .. ARGV[2], cursor, 'COUNT', 20)
  cursor = some[1]
  for _, text in ipairs(some[2]) do
    found[#found + 1] = text
    left = left - #text
  end
until cursor == '0' or left <= 0 or #found >= ${MOST - 100}
return { cursor, found }
`

/**
 * Keeps a text in a table: its key, id, text, how many there may be, whether it may take the place of another. Gives 1, or
 * 0 when another one has its id, or -1 when there are too many.
 */
const KEEP = String.raw`
local P, call = KEYS[1], redis.call
local key = P .. ARGV[1]
local isThere = call('HSTRLEN', key, ARGV[2]) > 0
if isThere and ARGV[5] ~= '1' then return 0 end
if not isThere and call('HLEN', key) >= tonumber(ARGV[4]) then return -1 end
call('HSET', key, ARGV[2], ARGV[3])
call('PUBLISH', P .. 'news', '{"d":1}')
return 1
`

/** Records of the audit log: from where down to where, how many, how many bytes at most. Gives them, and whether that is all. */
const RECORDS = String.raw`
local P, call = KEYS[1], redis.call
local from, left, found = ARGV[1], tonumber(ARGV[4]), {}
local most = math.min(tonumber(ARGV[3]), ${MOST})
while left > 0 and #found < most do
  local wanted = math.min(20, most - #found)
  local some = call('XREVRANGE', P .. 'audit', from, ARGV[2], 'COUNT', wanted)
  for _, record in ipairs(some) do
    found[#found + 1] = { record[1], record[2][2] }
    left = left - #record[2][2]
    from = '(' .. record[1]
  end
  if #some < wanted then return { found, 1 } end
end
return { found, 0 }
`

/** The name of a script that reads, or that keeps what is read in tables. */
export type ReadingScript = "look" | "fields" | "lines" | "list" | "scan" | "keep" | "records"

/** The text of each. */
export const READING: Readonly<Record<ReadingScript, string>> = {
  look: LOOK,
  fields: FIELDS,
  lines: LINES,
  list: LIST,
  scan: SCAN,
  keep: KEEP,
  records: RECORDS
}
