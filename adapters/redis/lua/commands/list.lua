-- Lists runs by submission, newest first, from one or several indexes that share no run. greatest score, least score, how many
-- at most; then for each index: its name, the first letters of the headers that count (or nothing: all its runs), and an index
-- whose runs do not count (or nothing). Returns ids with their scores, where to go on (nothing at the end), and how many runs
-- it has read. As one act, it misses no run that changes from one of the indexes to another.
local top, least, most = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- About how many reads `commonFront` takes.
local SEARCH = 80

-- Returns how many runs of `key` are newer than `top`, and how many of the next runs are all in `part`, which is a subset of
-- this index. If both have the same run at a rank, they have the same runs before it: a binary search finds the last such rank.
local function commonFront(key, part)
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

-- The greatest score of a run of `key` that may count; nothing when there is none.
local function beginOf(key, others)
  if others == '' then return top end
  local before, passed = commonFront(key, prefix .. others)
  if passed == 0 then return top end
  local first = call('ZRANGE', key, -before - passed - 1, -before - passed - 1, 'WITHSCORES')[2]
  return first and fmt(first)
end

local reads = BOUND.reads
for place = 6, #ARGV, 3 do
  if ARGV[place] ~= '' then reads = reads - SEARCH end
end
local share = math.floor(reads / ((#ARGV - 3) / 3))

-- The runs found, and the lowest score above which they are all runs that there are.
local found, low, looked = {}, nil, 0
for place = 4, #ARGV, 3 do
  local key, letters = prefix .. ARGV[place], ARGV[place + 1]
  local from = beginOf(key, ARGV[place + 2])
  -- With letters, each run takes two reads.
  local limit = letters == '' and math.min(most, share) or math.floor(share / 2)
  local page = from and call('ZREVRANGEBYSCORE', key, from, least, 'WITHSCORES', 'LIMIT', 0, limit) or {}
  local count, at = 0, 1
  while at < #page and count < most do
    local id = page[at]
    local header = letters ~= '' and call('HGET', prefix .. KEY.run .. id, RUN.header)
    if letters == '' or (header and string.find(letters, string.sub(header, 1, 1), 1, true)) then
      count = count + 1
      found[#found + 1] = { id, tonumber(page[at + 1]) }
    end
    at = at + 2
  end
  looked = looked + (at - 1) / 2
  if at > 1 and (at < #page or #page == 2 * limit) then
    local last = tonumber(page[at - 1])
    if not low or last > low then low = last end
  end
end
if (#ARGV - 3) / 3 > 1 then table.sort(found, function(one, other) return one[2] > other[2] end) end

local answer = {}
for _, run in ipairs(found) do
  if low and run[2] < low then break end
  answer[#answer + 1] = run[1]
  answer[#answer + 1] = fmt(run[2])
  if #answer == 2 * most then return { answer, fmt(run[2]), looked } end
end
return { answer, low and fmt(low) or '', looked }
