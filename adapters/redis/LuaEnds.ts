/** How runs begin and end, and what is left of them. */
export const ENDS: string = String.raw`
local function begin(r)
  if r.c.s ~= 'P' then return end
  set(r, 's', 'R')
  push(r, '["RS",' .. at .. ']')
end

-- Takes a lease from its worker, who is told. Until it has stopped, it goes on holding its limits.
local function revoke(r, i, u)
  local lease = get(r, 'l' .. u)
  if not lease then return end
  local token, held, worker = string.match(lease, '^(%d+)|%d+|%d+|%a|(%d)|(.*)$')
  local ref = r.id .. ':' .. u
  set(r, 'l' .. u, false)
  if held == '1' then
    call('HSET', P .. 'stopping', ref .. '|' .. token, cjson.encode(limitsOf(stepOf(r, i), unitOf(r, u))))
  else
    call('ZREM', P .. 'leases', ref .. '|' .. token)
  end
  revocations[#revocations + 1] = { worker, token }
end

-- Nothing happens any more to the units of a step, or of all steps.
local function clear(r, only)
  store(r)
  for _, field in ipairs(call('HKEYS', r.key)) do
    local kind, i, item = string.match(field, '^([luE])(%d+):?(%d*)$')
    if kind and (only == nil or tonumber(i) == only) then
      local u = item == '' and i or (i .. ':' .. item)
      if kind == 'l' then revoke(r, tonumber(i), u)
      elseif kind == 'E' then
        call('UNLINK', P .. 'x:' .. r.id .. ':' .. i, P .. 'y:' .. r.id .. ':' .. i)
        set(r, field, false)
        r.items[tonumber(i)] = false
      end
    end
  end
  -- After the leases, which have to know what they hold.
  for _, field in ipairs(call('HKEYS', r.key)) do
    local i, item = string.match(field, '^u(%d+):?(%d*)$')
    if i and (only == nil or tonumber(i) == only) then
      local u = item == '' and i or (i .. ':' .. item)
      local unit = unitOf(r, u)
      if unit.w then call('ZREM', unit.w, r.id .. ':' .. u) end
      if unit.d then call('ZREM', P .. 'due', 'u' .. r.id .. ':' .. u) end
      -- It was told of a free place that it won't take: the next one is.
      if unit.h and not unit.w then pass(limitsOf(stepOf(r, tonumber(i)), unit)) end
      dropUnit(r, u)
    end
  end
end

local function settleEnd(r)
  local due = get(r, 'd')
  if due then
    if string.find(due, 's', 1, true) then call('ZREM', P .. 'due', 's' .. r.id) end
    if string.find(due, 't', 1, true) then call('ZREM', P .. 'due', 't' .. r.id) end
  end
  local limits = get(r, 'k')
  if limits then
    limits = cjson.decode(limits)
    local line = get(r, 'w')
    if get(r, 'a') then give(limits)
    elseif line then call('ZREM', line, r.id)
    elseif get(r, 'h') then pass(limits) end
  end
  local schedule = get(r, 'c')
  if schedule and call('HINCRBY', P .. 'schedule:unfinished', schedule, -1) <= 0 then
    call('HDEL', P .. 'schedule:unfinished', schedule)
  end
  call('ZREM', P .. 'unfinished', r.id)
  call('ZADD', P .. 'ended', at, r.id)
end

local function finishAs(r, status, event)
  set(r, 's', status)
  set(r, 'z', at)
  push(r, event)
  if status ~= 'C' then clear(r, nil) end
  settleEnd(r)
end

local function fail(r, err) finishAs(r, 'F', '["RF",' .. at .. ',' .. err .. ']') end

local function finish(r)
  local err = get(r, 'e')
  if err and (r.c.f ~= 'skip' or get(r, 'b')) then
    fail(r, err)
  else
    begin(r)
    finishAs(r, 'C', '["RC",' .. at .. ']')
  end
end

-- A step has ended without what others wait for.
local function lose(r, i, err, reason)
  if not get(r, 'e') then set(r, 'e', err) end
  if r.c.f == 'fail-fast' then return fail(r, err) end
  set(r, 'x', '1')
  over(r, i)
  spreadLoss(r, { i }, { cause = 'failure', reason = quote(reason), all = r.c.f == 'continue' })
  clear(r, i)
  if tonumber(r.c.n) == 0 then finish(r) end
end

local function openRun(r)
  set(r, 'o', '1')
  if tonumber(r.c.n) == 0 then return finish(r) end
  local head = call('HMGET', P .. 'p:' .. r.c.p, 'b', 'c')
  if not get(r, 'y') then
    for _, i in ipairs(cjson.decode(head[1])) do ready(r.id .. ':' .. i, r.c.q) end
    return
  end
  for i = 0, tonumber(head[2]) - 1 do
    local step = stepOf(r, i)
    local there = tonumber(get(r, 'w' .. i) or 0)
    if there == step.w and not step.i and not get(r, 'o' .. i) then ready(r.id .. ':' .. i, r.c.q) end
  end
end

-- Begins a run, or has it wait for its limits.
local function admit(r)
  local limits = get(r, 'k')
  if limits then
    limits = cjson.decode(limits)
    local line, since = take(limits, r.id, 'run', tonumber(string.match(r.c.q, '^-?%d+')), get(r, 'h'))
    if line then
      set(r, 'w', line)
      set(r, 'h', fmt(since))
      return
    end
    set(r, 'a', '1')
  end
  openRun(r)
end

local function admitNext()
  while #admissible > 0 do
    local r = table.remove(admissible, 1)
    if isOver(r) then pass(cjson.decode(get(r, 'k'))) else admit(r) end
  end
end

-- Forgets a run that is over.
local function forget(id)
  local found = call('HMGET', P .. 'r:' .. id, 'p', 'i')
  call('ZREM', P .. 'ended', id)
  call('ZREM', P .. 'all', id)
  if not found[1] then return end
  call('ZREM', P .. 'all:' .. found[2], id)
  call('UNLINK', P .. 'r:' .. id, P .. 'v:' .. id, P .. 'e:' .. id, P .. 'g:' .. id)
  local plan = P .. 'p:' .. found[1]
  if call('HINCRBY', plan, '#', -1) <= 0 then call('UNLINK', plan) end
  runs[id] = nil
end

-- Forgets what is past the bounds, those that ended first first; only so many at once, so that nobody waits long.
local function retain(historyCount, historyMillis, most)
  local past = math.min(call('ZCARD', P .. 'ended') - historyCount, most)
  if past > 0 then
    for _, id in ipairs(call('ZRANGE', P .. 'ended', 0, past - 1)) do forget(id) end
  end
  if historyMillis > 0 then
    local old = call('ZRANGEBYSCORE', P .. 'ended', '-inf', fmt(now - historyMillis), 'LIMIT', 0, most)
    for _, id in ipairs(old) do forget(id) end
  end
end

-- Ends the act: writes everything back, and tells those who wait.
local function complete(historyCount)
  admitNext()
  enqueue()
  local changed = {}
  local isWatched = next(touched) and call('EXISTS', P .. 'watchers') == 1
  for id, r in pairs(touched) do
    store(r)
    spread('RPUSH', P .. 'e:' .. id, r.events)
    spread('HSET', P .. 'v:' .. id, r.written)
    for _, x in pairs(r.items) do
      if x then storeItems(x) end
    end
    if isWatched and (#r.events > 0 or r.hasLines) then changed[#changed + 1] = id end
    r.events, r.written = {}, {}
  end
  touched = {}
  if historyCount then retain(historyCount, 0, 10) end
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
  if #workers + #changed + #revocations > 0 then
    local told = {}
    if #workers > 0 then told.w = workers end
    if #changed > 0 then told.r = changed end
    if #revocations > 0 then told.x = revocations end
    call('PUBLISH', P .. 'news', cjson.encode(told))
  end
  return soonest and fmt(math.max(soonest - now, 0)) or ''
end
`
