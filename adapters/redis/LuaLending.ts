/** Which ready work is lent to whom: as `core/Lending.ts` and `core/ReadySteps.ts` do it in memory. */
export const LENDING: string = String.raw`
-- Leases that begin, how many these are, what is said of them, and how many texts that is.
local granted, lentCount, lent, said = {}, 0, {}, 0
local lentRun, lentStep, leaseEnd
-- How many times work was lent; with the place of a lease among those of its call, that makes its token.
local calls

-- What a script says most, made once.
local STARTED = '["SS",' .. at .. ','
local startedFirst = remembering(function(i) return STARTED .. i .. ',1]' end)
local leaseTail
-- Of a first attempt without more: its number, failures, how long ago the first began, phase and item.
local FIRST = '\0311\0310\0310\031R\031\031'

local function grant(r, i, item, ref, u, step, unit, limits, worker)
  local phase = 'R'
  if step.x and item == nil then phase = 'E' elseif step.p and not unit.p then phase = 'P' end
  local number = phase == 'P' and 0 or unit.a + 1
  local attempt = text[number]
  lentCount = lentCount + 1
  local token = calls .. text[10000 + lentCount]
  local x = item and itemsOf(r, i)
  local isPlain = phase == 'R' and #limits == 0
  set(r, leaseOf[u], isPlain and token .. '|' .. attempt .. leaseTail
    or token .. '|' .. attempt .. '|' .. at .. '|' .. phase .. (#limits > 0 and '|1|' or '|0|') .. worker)
  granted[2 * lentCount - 1] = leaseEnd
  granted[2 * lentCount] = ref .. '|' .. token
  if x then
    alter(x, 'l', x.l + 1)
  elseif phase ~= 'P' then
    if r.s == 'P' then begin(r) end
    if number > 1 and get(r, '%' .. i) then set(r, '%' .. i, false) end
    push(r, number == 1 and startedFirst[i] or STARTED .. i .. ',' .. attempt .. ']')
  end
  -- What is lent, in texts with U+001F between them, which no JSON and no name has.
  local n = said + 1
  if isPlain and unit == FRESH and not x then
    lent[n] = ref .. '\31' .. token .. FIRST .. r.q .. '\31' .. step.n
  else
    lent[n] = ref .. '\31' .. token .. '\31' .. attempt .. '\31' .. text[unit.f] .. '\31' .. (unit.a == 0 and '0' or fmt(now - unit.t))
      .. '\31' .. phase .. '\31' .. (x and textOf(x, item) or '') .. '\31' .. r.q .. '\31' .. step.n
  end
  -- With which values: the same as for the claim before, where it is the same step.
  if lentRun == r and lentStep == i and not (x and x.plan.o) then
    lent[n + 1] = '='
    said = n + 1
    return
  end
  lentRun, lentStep = r, i
  local first = n + 1
  local last = first
  local wanted = phase == 'E' and step.x.s or step.d
  if wanted then
    local c = r.c
    local missing
    for k = 1, #wanted do
      local field = fieldOf[wanted[k]]
      if c[field] == nil then
        missing = missing or {}
        missing[#missing + 1] = field
      end
    end
    if missing then
      local found = call('HMGET', r.key, unpack(missing))
      for k = 1, #missing do c[missing[k]] = found[k] end
    end
    for k = 1, #wanted do
      local name = wanted[k]
      local json = c[fieldOf[name]]
      if json then
        lent[last + 1] = name
        lent[last + 2] = json
        last = last + 2
      end
    end
  else
    store(r)
    local all = call('HGETALL', r.key)
    for k = 1, #all, 2 do
      if string.sub(all[k], 1, 1) == 'v' then
        lent[last + 1] = string.sub(all[k], 2)
        lent[last + 2] = all[k + 1]
        last = last + 2
      end
    end
  end
  if x and x.plan.o then
    storeItems(x)
    for _, name in ipairs(x.plan.u) do
      local folded = call('HGET', x.key, 'f' .. name)
      if folded then
        lent[last + 1] = name
        lent[last + 2] = folded
        last = last + 2
      end
    end
  end
  lent[first] = text[(last - first) / 2]
  said = last
end

-- Whether a unit has its limits now; if not, it waits for them.
local function holds(r, u, ref, limits)
  if #limits == 0 then return true end
  local unit = unitOf(r, u)
  local line, since = take(limits, ref, versionOf[r.q], r.kind.priority, unit.h)
  if line then
    unit.w, unit.h = line, since
    keepUnit(r, u)
    return false
  end
  if unit.h then
    unit.h = nil
    keepUnit(r, u)
  end
  return true
end

-- Lends a unit, unless what it would give is known, or its limits are used up and it waits for them.
local function lendOne(r, i, item, ref, u, worker, recalled)
  local step, unit = stepOf(r, i), lookAt(r, u)
  local limits = limitsOf(step, unit)
  local known = unit.m and recall(unit.m)
  if known then
    if unit.h then pass(limits) end
    recalled[#recalled + 1] = { r, i, item, u, known }
    return
  end
  if holds(r, u, ref, limits) then grant(r, i, item, ref, u, step, unit, limits, worker) end
end

-- What is read of a run to lend a step of it: what was needed for the one before of its queue, as far as that is known.
local wanted = {}

local function wantedOf(queue, i)
  local of = wanted[queue]
  return of and of[i] or HEAD
end

local function learn(r, i, step)
  local of = wanted[r.q]
  if of == nil then
    of = {}
    wanted[r.q] = of
  elseif of[i] then
    return
  end
  local fields = { 'h' }
  for _, name in ipairs(step.d or NONE) do fields[#fields + 1] = fieldOf[name] end
  of[i] = #fields < 20 and fields or HEAD
end

-- Lends a unit, or as many items as are wanted of the step that it stands for. Says whether some of these are left.
local function lend(ref, queue, max, worker, recalled)
  local id, i, item, u = parse(ref)
  local r = runs[id]
  if r == nil then r = openWith(id, wantedOf(queue, i)) end
  if not r then return false end
  if isOver(r) or (r.x and get(r, 'o' .. i)) then
    passOver(r, i, u)
    return false
  end
  local step = stepOf(r, i)
  local x = step.x and itemsOf(r, i)
  if not x then
    learn(r, i, step)
    -- An item of a step that has begun anew has no place any more.
    if item == nil then lendOne(r, i, nil, ref, u, worker, recalled) end
    return false
  end
  if item then
    -- An item that has waited for a limit; now as many others may be under way as there may.
    if hasRoom(x) then
      lendOne(r, i, item, ref, u, worker, recalled)
    else
      passOver(r, i, u)
      local unit = unitOf(r, u)
      unit.h = nil
      keepUnit(r, u)
      againItem(x, item)
    end
    return false
  end
  while isReady(x) and lentCount < max do
    local shared = step.p and NONE or limitsOf(step, lookAt(r, u))
    -- Where all items need the same, the step waits for it, and not each of its items by itself.
    if not holds(r, u, ref, shared) then return false end
    local one = takeItem(x)
    local ofItem = i .. ':' .. one
    if step.p then
      lendOne(r, i, one, id .. ':' .. ofItem, ofItem, worker, recalled)
    else
      grant(r, i, one, id .. ':' .. ofItem, ofItem, step, lookAt(r, ofItem), shared, worker)
    end
  end
  alter(x, 'q', isReady(x) and 1 or 0)
  return x.q == 1
end

-- Lends what is ready now: the highest priority first, within one the pipelines in turn.
local function lendOnce(worker, versions, max, known)
  local recalled = {}
  local offset = 0
  while lentCount < max do
    local queues = call('ZRANGE', P .. 'ready', offset, offset + 15)
    if #queues == 0 then break end
    for _, queue in ipairs(queues) do
      local version = versionOf[queue]
      if known[version] == nil then
        known[version] = call('SISMEMBER', versions, version) == 1
          and call('SISMEMBER', P .. 'paused', string.sub(version, string.find(version, ':', 1, true) + 1)) == 0
      end
      if not known[version] then
        offset = offset + 1
      else
        local key = P .. 'q:' .. queue
        local before = lentCount
        while lentCount < max do
          if next(foremost) then enqueueFirst() end
          local refs = call('LPOP', key, math.min(max - lentCount, 100))
          if not refs then break end
          for place, ref in ipairs(refs) do
            if lentCount >= max then
              -- More came of one of them than was to be expected: the others go back to where they were.
              for back = #refs, place, -1 do call('LPUSH', key, refs[back]) end
              break
            end
            if lend(ref, queue, max, worker, recalled) then call('RPUSH', key, ref) end
          end
        end
        count(queue, before - lentCount)
        if call('EXISTS', key) == 1 then turn(queue) else call('ZREM', P .. 'ready', queue) end
        if lentCount >= max then break end
      end
    end
  end
  for _, one in ipairs(recalled) do remember(unpack(one)) end
  return #recalled > 0
end

local function lendAll(worker, digest, max, leaseMillis)
  local known = {}
  leaseEnd = fmt(now + leaseMillis)
  leaseTail = '|' .. at .. '|R|0|' .. worker
  calls = fmt(tonumber(call('GET', P .. 'tokens') or 0) + 1)
  -- What is known already may make other steps ready.
  while lendOnce(worker, P .. 'versions:' .. digest, max, known) do
    admitNext()
    enqueue()
  end
  if lentCount == 0 then return '' end
  call('SET', P .. 'tokens', calls)
  spread('ZADD', P .. 'leases', granted)
  return table.concat(lent, '\31')
end
`
