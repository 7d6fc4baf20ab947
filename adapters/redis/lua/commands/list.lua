-- Lists runs by submission, newest first. index, greatest score, least score, how many at most, status (or nothing), and an
-- index whose runs all have another status (or nothing). Returns ids with their scores, where to go on (nothing at the end),
-- and how many runs it has read.
local key, top, least, most, status = prefix .. ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]

-- Returns how many runs are newer than `top`, and how many of the next runs are all in `part`, which is a subset of this index.
-- If both have the same run at a rank, they have the same runs before it: a binary search finds the last such rank.
local function commonFront(part)
  local before, beforeInPart = 0, 0
  if top ~= '+inf' then
    local place = string.sub(top, 2)
    before, beforeInPart = call('ZCOUNT', key, place, '+inf'), call('ZCOUNT', part, place, '+inf')
  end
  local function isSame(rank)
    local run = call('ZRANGE', part, -beforeInPart - rank, -beforeInPart - rank)[1]
    return run ~= nil and run == call('ZRANGE', key, -before - rank, -before - rank)[1]
  end
  if not isSame(1) then return before, 0 end
  local low, high = 1, call('ZCARD', part) - beforeInPart
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if isSame(middle) then low = middle else high = middle - 1 end
  end
  return before, low
end

if ARGV[6] ~= '' then
  local before, passed = commonFront(prefix .. ARGV[6])
  if passed > 0 then
    local first = call('ZRANGE', key, -before - passed - 1, -before - passed - 1, 'WITHSCORES')[2]
    if not first then return { {}, '', 1 } end
    top = fmt(first)
  end
end

local limit = status == '' and math.min(most, BOUND.reads) or 200
local page = call('ZREVRANGEBYSCORE', key, top, least, 'WITHSCORES', 'LIMIT', 0, limit)
local found = {}
for place = 1, #page, 2 do
  local id, score = page[place], fmt(page[place + 1])
  local header = status ~= '' and call('HGET', prefix .. KEY.run .. id, RUN.header)
  if status == '' or (header and string.sub(header, 1, 1) == status) then
    found[#found + 1] = id
    found[#found + 1] = score
    if #found == 2 * most then return { found, score, (place + 1) / 2 } end
  end
end
return { found, #page == 2 * limit and fmt(page[#page]) or '', #page / 2 }
