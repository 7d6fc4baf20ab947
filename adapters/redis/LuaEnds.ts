/** How runs begin and end, and what is left of them. */
import { KEPT_CHANGES } from "../../core/Feed.ts"

export const ENDS: string = String.raw`
local RUN_STARTED = '["RS",' .. at .. ']'

local function begin(r)
  if r.s ~= 'P' then return end
  head(r, 's', 'R')
  push(r, RUN_STARTED)
end

-- Takes a lease from its worker, who is told. Until it has stopped, it goes on holding its limits.
local function revoke(r, i, u)
  local lease = get(r, 'l' .. u)
  if not lease or lease == '' then return end
  local token, held, worker = string.match(lease, '^(%d+)|%d+|%d+|%a|(%d)|(.*)$')
  local ref = r.id .. ':' .. u
  set(r, 'l' .. u, false)
  if held == '1' then
    call('HSET', P .. 'stopping', ref .. '|' .. token, cjson.encode(limitsOf(stepOf(r, i), unitOf(r, u))))
  else
    returned[#returned + 1] = ref .. '|' .. token
  end
  revocations[#revocations + 1] = { worker, token }
end

-- Nothing happens any more to the units of a step, or of all steps.
local function clear(r, only)
  store(r)
  for _, field in ipairs(call('HKEYS', r.key)) do
    local kind, i, item = string.match(field, '^([luE])(%d+):?(%d*)$')
    if kind and (only == nil or i == only) then
      local u = item == '' and i or (i .. ':' .. item)
      if kind == 'l' then revoke(r, i, u)
      elseif kind == 'E' then
        call('UNLINK', P .. 'x:' .. r.id .. ':' .. i, P .. 'y:' .. r.id .. ':' .. i)
        set(r, field, false)
        if r.items then r.items[i] = false end
      end
    end
  end
  if not has(r, 'u') then return end
  -- After the leases, which have to know what they hold.
  for _, field in ipairs(call('HKEYS', r.key)) do
    local i, item = string.match(field, '^u(%d+):?(%d*)$')
    if i and (only == nil or i == only) then
      local u = item == '' and i or (i .. ':' .. item)
      local unit = unitOf(r, u)
      if unit.w then call('ZREM', unit.w, r.id .. ':' .. u) end
      if unit.d then call('ZREM', P .. 'due', 'u' .. r.id .. ':' .. u) end
      -- It was told of a free place that it won't take: the next one is.
      if unit.h and not unit.w then pass(limitsOf(stepOf(r, i), unit)) end
      dropUnit(r, u)
    end
  end
end

local finished = {}

local function settleEnd(r)
  local due = opt(r, 'd')
  if due then
    if string.find(due, 's', 1, true) then call('ZREM', P .. 'due', 's' .. r.id) end
    if string.find(due, 't', 1, true) then call('ZREM', P .. 'due', 't' .. r.id) end
  end
  local limits = opt(r, 'k')
  if limits then
    limits = cjson.decode(limits)
    local line = opt(r, 'w')
    if opt(r, 'a') then give(limits)
    elseif line then call('ZREM', line, r.id)
    elseif opt(r, 'H') then pass(limits) end
  end
  local schedule = opt(r, 'c')
  if schedule and call('HINCRBY', P .. 'schedule:unfinished', schedule, -1) <= 0 then
    call('HDEL', P .. 'schedule:unfinished', schedule)
  end
  finished[#finished + 1] = r
end

local function finishAs(r, status, event)
  head(r, 's', status)
  push(r, event)
  if status ~= 'C' then clear(r, nil) end
  settleEnd(r)
end

local function fail(r, err) finishAs(r, 'F', '["RF",' .. at .. ',' .. err .. ']') end

local function finish(r)
  local err = opt(r, 'e')
  if err and (r.kind.policy ~= 's' or opt(r, 'b')) then
    fail(r, err)
  else
    begin(r)
    finishAs(r, 'C', '["RC",' .. at .. ']')
  end
end

-- A step has ended without what others wait for.
local function lose(r, i, err, reason)
  if not opt(r, 'e') then setOpt(r, 'e', err) end
  local policy = r.kind.policy
  if policy == 'f' then return fail(r, err) end
  head(r, 'x', true)
  over(r, i)
  spreadLoss(r, { i }, { cause = 'failure', reason = quote(reason), all = policy == 'c' })
  clear(r, i)
  if r.n == 0 then finish(r) end
end

local function openRun(r)
  head(r, 'o', true)
  if r.n == 0 then return finish(r) end
  if not opt(r, 'y') then
    for _, i in ipairs(r.plan.first) do ready(r.id .. ':' .. i, r.q) end
    return
  end
  for index = 0, r.plan.size - 1 do
    local i = tostring(index)
    local step = stepOf(r, i)
    local there = tonumber(get(r, 'w' .. i) or 0)
    if there == step.w and not step.i and not get(r, 'o' .. i) then ready(r.id .. ':' .. i, r.q) end
  end
end

-- Begins a run, or has it wait for its limits.
local function admit(r)
  local limits = opt(r, 'k')
  if limits then
    limits = cjson.decode(limits)
    local line, since = take(limits, r.id, 'run', r.kind.priority, opt(r, 'H'))
    if line then
      setOpt(r, 'w', line)
      setOpt(r, 'H', fmt(since))
      return
    end
    setOpt(r, 'a', '1')
  end
  openRun(r)
end

local function admitNext()
  while #admissible > 0 do
    local r = table.remove(admissible, 1)
    if isOver(r) then pass(cjson.decode(opt(r, 'k'))) else admit(r) end
  end
end

-- Forgets runs that are over: digests of their plans and ids, as they are in 'ended'.
local function forget(members)
  local keys, ids, byPipeline, byPlan = {}, {}, {}, {}
  for _, member in ipairs(members) do
    local digest, id = string.match(member, '^(%x+) (.*)$')
    local pipeline = planOf(digest).pipeline
    local of = byPipeline[pipeline]
    if of == nil then
      of = {}
      byPipeline[pipeline] = of
    end
    of[#of + 1] = id
    byPlan[digest] = (byPlan[digest] or 0) + 1
    ids[#ids + 1] = id
    keys[#keys + 1] = P .. 'r:' .. id
    keys[#keys + 1] = P .. 'g:' .. id
    runs[id] = nil
  end
  spread('ZREM', P .. 'ended', members)
  spread('ZREM', P .. 'all', ids)
  for pipeline, of in pairs(byPipeline) do spread('ZREM', P .. 'all:' .. pipeline, of) end
  for k = 1, #keys, 1000 do call('UNLINK', unpack(keys, k, math.min(k + 999, #keys))) end
  for digest, count in pairs(byPlan) do
    local key = P .. 'p:' .. digest
    -- When memory is full even counting down is refused; then the plan stays, and the runs go.
    local left = redis.pcall('HINCRBY', key, '#', -count)
    if type(left) == 'number' and left <= 0 then
      call('UNLINK', key)
      plans[digest] = nil
    end
  end
end

-- Forgets what is past the bounds, those that ended first first: some at once, which costs the least, and not all at
-- once, so that nobody waits long. A tenth more than the bound, at most 100, may be there meanwhile, and whatever ended
-- in the last two seconds: whoever waits for it is to see it.
local function retain(historyCount, historyMillis, most)
  local past = call('ZCARD', P .. 'ended') - historyCount
  if past > math.min(100, historyCount / 10) then
    local old = call('ZRANGEBYSCORE', P .. 'ended', '-inf', fmt(now - 2000), 'LIMIT', 0, math.min(past, most))
    if #old > 0 then forget(old) end
  end
  if historyMillis > 0 then
    local old = call('ZRANGEBYSCORE', P .. 'ended', '-inf', fmt(now - historyMillis), 'LIMIT', 0, most)
    if #old > 0 then forget(old) end
  end
end

-- Ends the act: writes everything back, and tells those who wait.
local function complete(historyCount)
  admitNext()
  enqueue()
  local changed, fed = {}, {}
  local isWatched = next(touched) and call('EXISTS', P .. 'watchers') == 1
  for id, r in pairs(touched) do
    store(r)
    if r.items then
      for _, x in pairs(r.items) do
        if x then storeItems(x) end
      end
    end
    if r.events > r.told then
      if isWatched then changed[#changed + 1] = id end
      fed[#fed + 1] = id .. ' ' .. text[r.told] .. ' ' .. text[r.events] .. ' ' .. r.kind.digest
      r.told = r.events
    end
  end
  touched = {}
  -- Some together, which costs the least, and not all together, so that what is kept stays small.
  for k = 1, #fed, 16 do
    call('XADD', P .. 'feed', 'MAXLEN', '~', ${KEPT_CHANGES}, '*', 'r', table.concat(fed, ',', k, math.min(k + 15, #fed)))
  end
  local ended = {}
  if #finished > 0 then
    local ids, scored = {}, {}
    for _, r in ipairs(finished) do
      ids[#ids + 1] = r.id
      scored[#scored + 1] = at
      scored[#scored + 1] = r.kind.digest .. ' ' .. r.id
    end
    if call('EXISTS', P .. 'waiters') == 1 then ended = ids end
    spread('ZREM', P .. 'unfinished', ids)
    spread('ZADD', P .. 'ended', scored)
    finished = {}
  end
  if historyCount then retain(historyCount, 0, 500) end
  spread('ZREM', P .. 'leases', returned)
  returned = {}
  local workers = {}
  for _, digest in ipairs((wakeAll or next(counts)) and call('SMEMBERS', P .. 'digests') or {}) do
    local wanted = wakeAll and 1000 or 0
    for version, more in pairs(counts) do
      if more > 0 and call('SISMEMBER', P .. 'versions:' .. digest, version) == 1 then wanted = wanted + more end
    end
    if wanted > 0 then
      local idle = P .. 'idle:' .. digest
      for _, worker in ipairs(call('ZRANGE', idle, 0, math.min(wanted, 1000) - 1)) do
        call('ZREM', idle, worker)
        workers[#workers + 1] = worker
      end
      if call('EXISTS', idle) == 0 then call('SREM', P .. 'digests', digest) end
    end
  end
  if #workers + #changed + #ended + #revocations > 0 then
    local told = {}
    if #workers > 0 then told.w = workers end
    if #changed > 0 then told.r = changed end
    if #ended > 0 then told.e = ended end
    if #revocations > 0 then told.x = revocations end
    call('PUBLISH', P .. 'news', cjson.encode(told))
  end
  return soonest and fmt(math.max(soonest - now, 0)) or ''
end
`
