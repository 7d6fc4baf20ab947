-- historyCount, maxLosses, maxValueBytes, how many due entries and expired leases to handle. Behind these, optionally: `due` or
-- `lease` and the only member to handle; or `leave`, key and a member to remove without handling it. Returns in how many
-- milliseconds something is due next, or nothing.
maxLosses, maxValueBytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local most, only = tonumber(ARGV[4]), ARGV[5]

local function look(member)
  local kind, ref = string.sub(member, 1, 1), string.sub(member, 2)
  local id, index, item = parse(ref)
  local run = open(id or ref)
  zrem(prefix .. KEY.due, member)
  if not run or isOver(run) then return end
  if kind == DUE.start then
    admit(run)
  elseif kind == DUE.timeout then
    fail(run, '{"#":"late","millis":' .. optional(run, RUN.timeout) .. '}')
  elseif not isStepOver(run, index) and lookAt(run, index, item)[RECORD.isDue] then
    unitOf(run, index, item)[RECORD.isDue] = nil
    keepUnit(run, index, item)
    again(run, index, item)
  end
end

local function reap(member)
  local ref, token = string.match(member, '^(.*)|(%d+)$')
  local lease = endLease(ref, token)
  depart(keyOf[KEY.leases], member)
  if lease then lost(lease) end
end

local isMore = call('EXISTS', prefix .. KEY.todo) == 1
if only == 'due' then
  look(ARGV[6])
elseif only == 'lease' then
  reap(ARGV[6])
elseif only then
  zrem(prefix .. ARGV[6], ARGV[7])
  later('SET', prefix .. KEY.torn, nowText)
else
  local due = call('ZRANGEBYSCORE', prefix .. KEY.due, '-inf', nowText, 'LIMIT', 0, most)
  local ended = call('ZRANGEBYSCORE', prefix .. KEY.leases, '-inf', nowText, 'LIMIT', 0, most)
  if #due == most or #ended == most then isMore = true end
  for _, member in ipairs(due) do look(member) end
  for _, member in ipairs(ended) do reap(member) end
end

-- When something is due that this act does not read. It may remove that itself: then one tick finds nothing to do.
local nearest
for _, key in ipairs({ KEY.due, KEY.leases }) do
  local instant = call('ZRANGEBYSCORE', prefix .. key, '(' .. nowText, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  if instant and (nearest == nil or tonumber(instant) < nearest) then nearest = tonumber(instant) end
end

-- Removes ended runs from the front of queues that no worker takes from.
local MANY_SWEPT = 100
local swept = 0
for _, name in ipairs(call('ZRANGE', prefix .. KEY.ready, 0, 99)) do
  local queue = queueOf(name)
  -- A short first page: usually the run of the first unit has not ended.
  queue.many = 2
  while swept < MANY_SWEPT do
    local ref = takeRef(queue)
    if not ref then break end
    local run = open((parse(ref)))
    if run and not isOver(run) then
      putBack(queue, ref)
      break
    end
    swept = swept + 1
  end
end
reconsider()
local first = commit(tonumber(ARGV[1]))
if isMore then return '0' end
if first ~= '' and (nearest == nil or now + tonumber(first) < nearest) then nearest = now + tonumber(first) end
return nearest and fmt(math.max(nearest - now, 0)) or ''
