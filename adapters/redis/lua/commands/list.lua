-- Lists runs by submission, newest first. index, greatest score, least score, how many at most, status (or nothing), and an index
-- whose runs all have another status (or nothing). Gives ids with their scores, where to go on (nothing at the end), and at how
-- many runs it has looked.
local key, top, least, most, status = prefix .. ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]

-- How many at the front are all in another index, which is part of this one: where both have the same run at a rank, they
-- have the same ones before it.
local function front(part)
  local from, of = 0, 0
  if top ~= '+inf' then
    local place = string.sub(top, 2)
    from, of = call('ZCOUNT', key, place, '+inf'), call('ZCOUNT', part, place, '+inf')
  end
  local function isSame(n)
    local nowText = call('ZRANGE', part, -of - n, -of - n)[1]
    return nowText ~= nil and nowText == call('ZRANGE', key, -from - n, -from - n)[1]
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
  local from, passed = front(prefix .. ARGV[6])
  if passed > 0 then
    local first = call('ZRANGE', key, -from - passed - 1, -from - passed - 1, 'WITHSCORES')[2]
    if not first then return { {}, '', 1 } end
    top = fmt(first)
  end
end

local many = status == '' and math.min(most, BOUND.reads) or 200
local page = call('ZREVRANGEBYSCORE', key, top, least, 'WITHSCORES', 'LIMIT', 0, many)
local found = {}
for k = 1, #page, 2 do
  local header = status ~= '' and call('HGET', prefix .. KEY.run .. page[k], RUN.header)
  if status == '' or (header and string.sub(header, 1, 1) == status) then
    found[#found + 1] = page[k]
    found[#found + 1] = fmt(page[k + 1])
    if #found == 2 * most then return { found, fmt(page[k + 1]), (k + 1) / 2 } end
  end
end
return { found, #page == 2 * many and fmt(page[#page]) or '', #page / 2 }
