-- historyCount, maxLosses, maxValueBytes, how many of each to look at; or, behind these, the one that is to be looked at, or
-- that is to be left alone. Gives in how many milliseconds something is due next.
maxValueBytes, maxLosses = tonumber(ARGV[3]), tonumber(ARGV[2])
local most = tonumber(ARGV[4])

local function look(what)
  local kind, ref = string.sub(what, 1, 1), string.sub(what, 2)
  local id, i, item = parse(ref)
  local r = open(id or ref)
  zrem(P .. 'due', what)
  if not r or isOver(r) then return end
  if kind == 's' then
    admit(r)
  elseif kind == 't' then
    fail(r, '{"#":"late","millis":' .. opt(r, 'T') .. '}')
  elseif not isStepOver(r, i) and lookAt(r, i, item).d then
    unitOf(r, i, item).d = nil
    keepUnit(r, i, item)
    again(r, i, item)
  end
end

local function reap(member)
  local ref, token = string.match(member, '^(.*)|(%d+)$')
  local lease = endLease(ref, token)
  depart(keyOf.leases, member)
  if lease then lost(lease) end
end

local isMore = false
if ARGV[5] then
  if ARGV[5] == 'due' then look(ARGV[6]) elseif ARGV[5] == 'lease' then reap(ARGV[6]) else
    zrem(P .. ARGV[6], ARGV[7])
    later('SET', P .. 'torn', at)
  end
else
  local due = call('ZRANGEBYSCORE', P .. 'due', '-inf', at, 'LIMIT', 0, most)
  local ended = call('ZRANGEBYSCORE', P .. 'leases', '-inf', at, 'LIMIT', 0, most)
  isMore = #due == most or #ended == most
  for _, what in ipairs(due) do look(what) end
  for _, member in ipairs(ended) do reap(member) end
end
if call('EXISTS', P .. 'todo') == 1 then isMore = true end

-- Runs that have ended leave the front of queues that no worker takes from.
local swept = 0
for _, name in ipairs(call('ZRANGE', P .. 'ready', 0, 99)) do
  local queue = queueOf(name)
  -- Mostly the first one has not ended.
  queue.many = 2
  while swept < 100 do
    local ref = takeRef(queue)
    if not ref then break end
    local id = parse(ref)
    local r = open(id)
    if r and not isOver(r) then
      putBack(queue, ref)
      break
    end
    swept = swept + 1
  end
end
reconsider()
local first = commit(tonumber(ARGV[1]))
if isMore then return '0' end
local nearest = first ~= '' and now + tonumber(first) or nil
for _, key in ipairs({ 'due', 'leases' }) do
  local next = call('ZRANGE', P .. key, 0, 0, 'WITHSCORES')[2]
  if next and (nearest == nil or tonumber(next) < nearest) then nearest = tonumber(next) end
end
return nearest and fmt(math.max(nearest - now, 0)) or ''
