/** Which ready work is lent to whom: as `core/Lending.ts` and `core/ReadySteps.ts` do it in memory. */
export const LENDING: string = String.raw`
local granted = {}
local lent, lentFor, leaseMillis, serial

local function grant(r, i, item, u, step, unit, limits, worker)
  local phase = 'R'
  if step.x and item == nil then phase = 'E' elseif step.p and not unit.p then phase = 'P' end
  local attempt = phase == 'P' and 0 or unit.a + 1
  serial = serial + 1
  local token = fmt(serial)
  local x = item and itemsOf(r, i)
  set(r, 'l' .. u, token .. '|' .. attempt .. '|' .. at .. '|' .. phase .. '|' .. (#limits > 0 and '1' or '0') .. '|' .. worker)
  granted[#granted + 1] = fmt(now + leaseMillis)
  granted[#granted + 1] = r.id .. ':' .. u .. '|' .. token
  count(r.c.q, -1)
  if x then
    alter(x, 'l', x.l + 1)
  elseif phase ~= 'P' then
    begin(r)
    if attempt > 1 and get(r, '%' .. i) then set(r, '%' .. i, false) end
    push(r, '["SS",' .. at .. ',' .. i .. ',' .. attempt .. ']')
  end
  -- Who was lent what, with which values: the same as for the claim before, where it is the same step.
  local values = lentFor == r and lent.i == i and not (x and x.plan.o) and '=' or nil
  if values == nil then
    values = {}
    local wanted = phase == 'E' and step.x.s or step.d
    if wanted then
      local missing = {}
      for _, name in ipairs(wanted) do
        if r.v[name] == nil then missing[#missing + 1] = name end
      end
      if #missing > 0 then
        for k, json in ipairs(call('HMGET', P .. 'v:' .. r.id, unpack(missing))) do r.v[missing[k]] = json end
      end
      for _, name in ipairs(wanted) do
        if r.v[name] then
          values[#values + 1] = name
          values[#values + 1] = r.v[name]
        end
      end
    else
      spread('HSET', P .. 'v:' .. r.id, r.written)
      r.written = {}
      values = call('HGETALL', P .. 'v:' .. r.id)
    end
    if x and x.plan.o then
      storeItems(x)
      for _, name in ipairs(x.plan.u) do
        local folded = call('HGET', x.key, 'f' .. name)
        if folded then
          values[#values + 1] = name
          values[#values + 1] = folded
        end
      end
    end
  end
  local first = unit.a == 0 and at or fmt(unit.t)
  lentFor = r
  lent = { i = i, claim = { r.id .. ':' .. u, token, attempt, unit.f, first, phase, x and textOf(x, item) or '', r.c.q, step.n, values } }
  return lent.claim
end

-- Lends a unit, unless what it would give is known, or its limits are used up and it waits for them.
local function lendOne(r, i, item, u, claims, worker, recalled)
  local step, unit = stepOf(r, i), unitOf(r, u)
  local limits = limitsOf(step, unit)
  local known = unit.m and recall(unit.m)
  if known then
    if unit.h then pass(limits) end
    recalled[#recalled + 1] = { r, i, item, u, known }
    return
  end
  if #limits > 0 then
    local line, since = take(limits, r.id .. ':' .. u, versionOf(r.c.q), tonumber(string.match(r.c.q, '^-?%d+')), unit.h)
    if line then
      unit.w, unit.h = line, since
      keepUnit(r, u)
      return
    end
    if unit.h then
      unit.h = nil
      keepUnit(r, u)
    end
  end
  claims[#claims + 1] = grant(r, i, item, u, step, unit, limits, worker)
end

-- Lends a unit, or as many items as are wanted of the step that it stands for. Says whether some of these are left.
local function lend(ref, claims, max, worker, recalled)
  local id, i, item, u = parse(ref)
  local r = open(id, 'u' .. u)
  if not r then return false end
  count(r.c.q, -1)
  if isOver(r) or (r.c.x and get(r, 'o' .. i)) then
    passOver(r, i, u)
    return false
  end
  count(r.c.q, 1)
  local step = stepOf(r, i)
  local x = step.x and itemsOf(r, i)
  if not x then
    -- An item of a step that has begun anew has no place any more.
    if item == nil then lendOne(r, i, nil, u, claims, worker, recalled) end
    return false
  end
  if item then
    -- An item that has waited for a limit; now as many others may be under way as there may.
    if hasRoom(x) then
      lendOne(r, i, item, u, claims, worker, recalled)
    else
      passOver(r, i, u)
      local unit = unitOf(r, u)
      unit.h = nil
      keepUnit(r, u)
      againItem(x, item)
    end
    return false
  end
  while isReady(x) and #claims < max do
    local shared = step.p and NONE or limitsOf(step, unitOf(r, u))
    -- Where all items need the same, the step waits for it, and not each of its items by itself.
    if #shared > 0 then
      local unit = unitOf(r, u)
      local line, since = take(shared, ref, versionOf(r.c.q), tonumber(string.match(r.c.q, '^-?%d+')), unit.h)
      if line then
        unit.w, unit.h = line, since
        keepUnit(r, u)
        return false
      end
      if unit.h then
        unit.h = nil
        keepUnit(r, u)
      end
    end
    local one = takeItem(x)
    local ofItem = i .. ':' .. one
    if step.p then
      lendOne(r, i, one, ofItem, claims, worker, recalled)
    else
      claims[#claims + 1] = grant(r, i, one, ofItem, step, unitOf(r, ofItem), shared, worker)
    end
  end
  alter(x, 'q', isReady(x) and 1 or 0)
  return x.q == 1
end

-- Lends what is ready now: the highest priority first, within one the pipelines in turn.
local function lendOnce(claims, worker, versions, max, known)
  local recalled = {}
  local offset = 0
  while #claims < max do
    local queues = call('ZRANGE', P .. 'ready', offset, offset + 15)
    if #queues == 0 then break end
    for _, queue in ipairs(queues) do
      local version = versionOf(queue)
      if known[version] == nil then
        known[version] = call('SISMEMBER', versions, version) == 1
          and call('SISMEMBER', P .. 'paused', string.sub(version, string.find(version, ':', 1, true) + 1)) == 0
      end
      if not known[version] then
        offset = offset + 1
      else
        local key = P .. 'q:' .. queue
        while #claims < max do
          if next(woken) then enqueueFirst() end
          local refs = call('LPOP', key, math.min(max - #claims, 100))
          if not refs then break end
          for place, ref in ipairs(refs) do
            if #claims >= max then
              -- More came of one of them than was to be expected: the others go back to where they were.
              for back = #refs, place, -1 do call('LPUSH', key, refs[back]) end
              break
            end
            if lend(ref, claims, max, worker, recalled) then call('RPUSH', key, ref) end
          end
        end
        if call('EXISTS', key) == 1 then turn(queue) else call('ZREM', P .. 'ready', queue) end
        if #claims >= max then break end
      end
    end
  end
  for _, one in ipairs(recalled) do remember(unpack(one)) end
  return #recalled > 0
end

local function lendAll(worker, digest, max)
  local claims, known = {}, {}
  serial = tonumber(call('GET', P .. 'tokens') or 0)
  local before = serial
  -- What is known already may make other steps ready.
  while lendOnce(claims, worker, P .. 'versions:' .. digest, max, known) do
    admitNext()
    enqueue()
  end
  if serial > before then call('SET', P .. 'tokens', fmt(serial)) end
  spread('ZADD', P .. 'leases', granted)
  granted = {}
  return claims
end
`
