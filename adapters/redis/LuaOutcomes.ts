/**
 * What outcomes do to a run: as `core/MemoryRun.ts` does it in memory. An error that is made here and not by a worker is
 * `{"#":<kind>,…}`; whoever reads it puts it into words.
 */
export const OUTCOMES: string = String.raw`
-- Keeps what a unit gave, for others with the same memo key.
local function memoise(unit, outputs, memoCount)
  local key = P .. 'memo:' .. unit.m
  local json = #outputs == 0 and '[]' or cjson.encode(outputs)
  if unit.e > 0 then call('SET', key, json, 'PX', fmt(unit.e)) else call('SET', key, json) end
  call('ZADD', P .. 'memos', at, unit.m)
  local past = call('ZCARD', P .. 'memos') - memoCount
  if past > 0 then
    local oldest = call('ZPOPMIN', P .. 'memos', past)
    for k = 1, #oldest, 2 do call('UNLINK', P .. 'memo:' .. oldest[k]) end
  end
end

local function recall(memo)
  local json = call('GET', P .. 'memo:' .. memo)
  if not json then return nil end
  call('ZADD', P .. 'memos', at, memo)
  return cjson.decode(json)
end

local COMPLETED = '["SC",' .. at .. ','

local function completeStep(r, i, attempt, started, outputs, more, arm)
  local given = opt(r, 'G')
  given = given and cjson.decode(given)
  local names = ''
  for k = 1, #outputs, 2 do
    local name = outputs[k]
    if not (given and given[name]) then
      names = names == '' and quoted[name] or (names .. ',' .. quoted[name])
      set(r, fieldOf[name], outputs[k + 1])
    end
  end
  push(r, COMPLETED .. i .. ',' .. text[attempt] .. ',' .. text[now - started] .. ',[' .. names .. ']' .. more .. ']')
  countDown(r, i, arm)
  if r.n == 0 then finish(r) end
end

local function failStep(r, i, attempt, started, err)
  local x = itemsOf(r, i)
  if x then started = x.t end
  push(r, '["SF",' .. at .. ',' .. i .. ',' .. attempt .. ',' .. fmt(now - started) .. ',' .. err .. ']')
  lose(r, i, err, "step '" .. stepOf(r, i).n .. "' failed")
end

local function completeItem(r, i, item, outputs, isMemoised)
  local x = itemsOf(r, i)
  keepItem(x, item, outputs, isMemoised)
  if x.L > maxValueBytes then
    return failStep(r, i, x.a, x.t, '{"#":"large","step":' .. quote(stepOf(r, i).n) .. '}')
  end
  progress(r, i, x.a, x.d, x.n)
  if x.D < x.N then return requeue(x) end
  local attempts, started = x.a, x.t
  local more = x.m > 0 and ',{"memoisedItems":' .. fmt(x.m) .. '}' or ''
  completeStep(r, i, attempts, started, resultOf(x), more)
end

-- A unit gives what another attempt gave for the same inputs.
local function remember(r, i, item, u, outputs)
  if isOver(r) or (r.x and get(r, 'o' .. i)) then return end
  local attempts = unitOf(r, u).a
  dropUnit(r, u)
  if item then return completeItem(r, i, item, outputs, true) end
  begin(r)
  push(r, '["SS",' .. at .. ',' .. i .. ',' .. attempts .. ']')
  completeStep(r, i, attempts, now, outputs, ',{"memoised":true}')
end

-- A unit can be lent again: it was given back, or has waited for its next attempt.
local function again(r, i, item)
  local x = item and itemsOf(r, i)
  if item == nil then
    ready(r.id .. ':' .. i, r.q)
  elseif x then
    againItem(x, item)
    requeue(x)
  end
end

-- What leases have in common that were granted in one act: when, in which phase, whether they hold limits, to whom.
local grantOf = remembering(function(tail)
  local started, phase, held, worker = string.match(tail, '^(%d+)|(%a)|(%d)|(.*)$')
  return { started = tonumber(started), phase = phase, isHolding = held == '1', worker = worker }
end)

-- What is read of a run to settle a unit of it: its lease, and how many inputs those have that wait for it, as far as
-- these are known.
local settled = remembering(function(u) return { 'h', leaseOf[u] } end)
local isLearnt = {}

local function learnSettled(r, i)
  isLearnt[i] = true
  local fields = settled[i]
  for _, other in ipairs(stepOf(r, i).r) do
    if #fields < 10 and stepOf(r, other).w > 1 then fields[#fields + 1] = 'w' .. other end
  end
end

-- Ends a lease, of which the worker has the token. Gives what is known of it, or nothing where the token is stale.
local function endLease(ref, token)
  local id, i, item, u = parse(ref)
  local r = runs[id]
  if r == nil then r = openWith(id, settled[u]) end
  local lease = r and get(r, leaseOf[u])
  local mine, attempt, tail = string.match(lease or '', '^(%d+)|(%d+)|(.*)$')
  if mine ~= token then
    -- Stopped after it was told to: what it held is free.
    local member = ref .. '|' .. token
    local limits = call('HGET', P .. 'stopping', member)
    if limits then
      call('HDEL', P .. 'stopping', member)
      returned[#returned + 1] = member
      give(cjson.decode(limits))
    end
    return nil
  end
  -- Overwritten and not removed, which would be another call; of items, of which there may be many, none is to stay.
  set(r, leaseOf[u], not item and '')
  returned[#returned + 1] = ref .. '|' .. token
  local step, grant = stepOf(r, i), grantOf[tail]
  if grant.isHolding then give(limitsOf(step, lookAt(r, u))) end
  local x = item and itemsOf(r, i)
  if x then alter(x, 'l', x.l - 1) end
  if not (item or isLearnt[i]) then learnSettled(r, i) end
  return {
    r = r, i = i, item = item, u = u, step = step, x = x, worker = grant.worker, phase = grant.phase,
    attempt = number[attempt], started = grant.started
  }
end

-- The unit has ended an attempt and is to have another one.
local function keepAttempt(lease)
  local unit = unitOf(lease.r, lease.u)
  if lease.phase ~= 'P' then
    if lease.attempt == 1 then unit.t = lease.started end
    unit.a = lease.attempt
  end
  return unit
end

local function aboutItem(lease, item)
  if lease.x then return ',' .. (item or fmt(lease.item * lease.x.z)) end
  return ''
end

local function released(lease, reason)
  local r = lease.r
  keepAttempt(lease)
  keepUnit(r, lease.u)
  if lease.phase ~= 'P' then
    pushOfUnit(r, lease.i, lease.item, '["SL",' .. at .. ',' .. lease.i .. ',' .. lease.attempt .. ',' .. reason .. aboutItem(lease) .. ']')
  end
  again(r, lease.i, lease.item)
end

local function failed(lease, err)
  local r = lease.r
  if lease.phase == 'P' and lease.item == nil then
    begin(r)
    push(r, '["SS",' .. at .. ',' .. lease.i .. ',0]')
  end
  failStep(r, lease.i, lease.attempt, lease.started, err)
end

local function retried(lease, err, wait, item)
  local r = lease.r
  local unit = keepAttempt(lease)
  unit.f = unit.f + 1
  pushOfUnit(r, lease.i, lease.item, '["SR",' .. at .. ',' .. lease.i .. ',' .. lease.attempt .. ',' .. fmt(wait) .. ',' .. err .. aboutItem(lease, item) .. ']')
  if wait > 0 then
    unit.d = 1
    dueAt(now + wait, 'u' .. r.id .. ':' .. lease.u)
    if lease.x then requeue(lease.x) end
  else
    again(r, lease.i, lease.item)
  end
  keepUnit(r, lease.u)
end

-- A lease has ended without its worker.
local function lost(lease, maxLosses)
  local r = lease.r
  local unit = unitOf(r, lease.u)
  unit.l = unit.l + 1
  -- Nor is it there to be woken, as it may be said to be: whoever is gets the step at once.
  for _, digest in ipairs(call('SMEMBERS', P .. 'digests')) do call('ZREM', P .. 'idle:' .. digest, lease.worker) end
  if unit.l < maxLosses then
    return released(lease, quote("worker '" .. lease.worker .. "' did not renew its lease"))
  end
  local name = lease.step.n
  local item = lease.x and (',"item":' .. fmt(lease.item * lease.x.z)) or ''
  local err = '{"#":"lost","step":' .. quote(name) .. ',"losses":' .. unit.l .. item .. '}'
  call('LPUSH', P .. 'dead', '[' .. at .. ',' .. quote(r.id) .. ',' .. quote(name) .. ']')
  call('LTRIM', P .. 'dead', 0, 999)
  failed(lease, err)
end
`
