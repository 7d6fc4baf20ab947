-- run, whether to mend it, maxLosses, maxValueBytes, historyCount, from which unit of lists to look; then the steps of it
-- that wait for nothing and have not ended. Gives what is wrong (work that is in no queue, lent to no worker, waits for no limit
-- and is not due), and whether there are more units.
local MANY_UNITS = 240
local r = open(ARGV[1])
local wrong, hasMore = {}, false
local firstUnit = tonumber(ARGV[6])
if not r or hasTodo(r) then return { wrong, '' } end
local isToMend = ARGV[2] == '1'
maxLosses, maxValueBytes = tonumber(ARGV[3]), tonumber(ARGV[4])

local function find(what, mend)
  wrong[#wrong + 1] = what
  if isToMend then mend() end
end

-- A run that has ended, and stands among those that have not.
if isOver(r) then
  find("run '" .. r.id .. "' has ended, and stands among the unfinished", function()
    -- As if it ended now: `commit` moves it to the indices of its status.
    r.was = 'R'
    head(r, 's', r.s)
    enter(r, 'settleEnd')
    enter(r, 'clear')
    commit(tonumber(ARGV[5]))
  end)
  return { wrong, '' }
end

-- Whether a list has a member; of a very long one, whether it is likely to be there: what came later would stand before it.
local function isQueued(key, ref)
  if call('LLEN', key) <= 1000 then return call('LPOS', key, ref) ~= false end
  local first = open((parse(call('LINDEX', key, 0))))
  return not (first and first.s == 'P' and tonumber(get(first, 'm')) > tonumber(get(r, 'm')))
end

-- Holders of a limit that are not lent, nor stop, nor are runs under way.
local function checkHolders(limits)
  for _, limit in ipairs(limits) do
    for _, member in ipairs(call('SRANDMEMBER', P .. 'held:' .. limit.key, MANY)) do
      local id, i, item = parse(member)
      local other = open(id or member)
      local isHeld = other and not isOver(other) and (id ~= nil or opt(other, 'a') == '1')
      if id and other then
        local hash, field = leaseField(other, i, item)
        local token = string.match(get(hash, field) or '', '^(%d+)|')
        isHeld = token ~= nil
        if not isHeld then
          -- Of one that stops, only the token is known where it is kept.
          local stopping = call('HSCAN', P .. 'stopping', 0, 'MATCH', member .. '|*', 'COUNT', MAX_LOOKS)
          isHeld = #stopping[2] > 0
        end
      end
      if not isHeld then find("a place of limit '" .. limit.key .. "' is held by '" .. member .. "', which does not run", function()
        letGo(limit.key, member)
      end) end
    end
    if isToMend then pass({ limit }) end
  end
end

-- Whether one that waits stands in its line, and the line among those of its limit.
local function isInLine(full, member)
  if not call('ZSCORE', full, member) then return false end
  local key, name = string.match(string.sub(full, #P + 1), '^line:(.*)\n(%d+\n[^\n]*)$')
  return call('SISMEMBER', P .. 'lines:' .. key, name) == 1
end

local function checkUnit(i, item)
  local ref = refOf(r, i, item)
  local hash, field = leaseField(r, i, item)
  local lease = get(hash, field) or ''
  local token = string.match(lease, '^(%d+)|')
  local unit = lookAt(r, i, item)
  if token then
    local member = ref .. '|' .. token
    if not call('ZSCORE', P .. 'leases', member) then
      find("unit '" .. ref .. "' is lent, and its lease does not end", function() arrive(keyOf.leases, at, member) end)
    end
  elseif lease ~= '' then
    return
  elseif unit.d then
    if not call('ZSCORE', P .. 'due', 'u' .. ref) then
      find("unit '" .. ref .. "' waits for an attempt that is not due", function()
        unitOf(r, i, item).d = nil
        keepUnit(r, i, item)
        again(r, i, item)
      end)
    end
  elseif unit.w == '@' then
    local line = opt(r, 'w')
    if not line or not isInLine(line, r.id) then
      find("unit '" .. ref .. "' waits for its run's limits, and the run does not", function()
        if line then leave(line, r.id) end
        setOpt(r, 'w', false)
        unit.w = nil
        keepUnit(r, i, item)
        ready(ref, r.kind.queue)
      end)
    end
  elseif unit.w then
    checkHolders(limitsOf(stepOf(r, i), unit))
    -- It may have been told of a free place by now.
    if unit.w and not isInLine(unit.w, ref) then
      find("unit '" .. ref .. "' waits for a limit, and is not in its line", function()
        leave(unit.w, ref)
        unit.w = nil
        keepUnit(r, i, item)
        ready(ref, r.kind.queue)
      end)
    end
  elseif isLone(unit) then
    if call('LPOS', P .. 'a:' .. r.kind.queue, ref, 'MAXLEN', 1000) == false then
      find("unit '" .. ref .. "' runs alone, and is not queued", function() again(r, i, item) end)
    end
  elseif item == nil and not isQueued(P .. 'q:' .. r.kind.queue, ref) then
    find("step '" .. stepOf(r, i).n .. "' of run '" .. r.id .. "' is ready, and is not queued", function() ready(ref, r.kind.queue) end)
  end
end

-- Units of a step from one place on: those that are lent, and those that wait to be lent again.
local function checkUnits(i, x)
  local last = math.min(x.x, firstUnit + MANY_UNITS) - 1
  if x.x > last + 1 then hasMore = true end
  local again_ = P .. 'y:' .. r.id .. ':' .. i
  local listed = {}
  for _, item in ipairs(call('LRANGE', again_, 0, MANY_UNITS)) do listed[tonumber(item)] = true end
  local size = call('LLEN', again_)
  if size ~= x.g then
    find("step '" .. stepOf(r, i).n .. "' of run '" .. r.id .. "' has a wrong number of units to be lent again", function()
      alter(x, 'g', size)
    end)
  end
  local fields = {}
  for item = firstUnit, last do
    fields[#fields + 1] = leaseOf[text[item]]
    fields[#fields + 1] = 'u' .. text[item]
  end
  local hash = itemHashOf(r, i)
  if #fields > 0 then getAll(hash, fields) end
  local lentNow = 0
  for item = firstUnit, last do
    local lease = get(hash, leaseOf[text[item]]) or ''
    if string.match(lease, '^%d') then lentNow = lentNow + 1 end
    checkUnit(i, item)
    local unit = lookAt(r, i, item)
    local isWaiting = lease == '' and not unit.d and not unit.w and not isLone(unit)
    if isWaiting and not listed[item] and size <= MANY_UNITS then
      find("unit " .. text[item] .. " of step '" .. stepOf(r, i).n .. "' of run '" .. r.id .. "' is not to be lent again", function()
        againItem(x, item)
      end)
    end
  end
  if firstUnit == 0 and x.x == last + 1 and lentNow ~= x.l then
    find("step '" .. stepOf(r, i).n .. "' of run '" .. r.id .. "' has a wrong number of units that are lent", function()
      alter(x, 'l', lentNow)
    end)
  end
end

local function checkItems(i, x)
  checkUnits(i, x)
  local ref = refOf(r, i)
  if x.q == 1 then
    if not lookAt(r, i).w and not isQueued(P .. 'q:' .. r.kind.queue, ref) then
      find("the items of step '" .. stepOf(r, i).n .. "' of run '" .. r.id .. "' are ready, and are not queued", function()
        ready(ref, r.kind.queue)
      end)
    end
  elseif isReady(x) then
    find("the items of step '" .. stepOf(r, i).n .. "' of run '" .. r.id .. "' are ready, and are not queued", function() requeue(x) end)
  elseif x.D == x.N then
    find("step '" .. stepOf(r, i).n .. "' of run '" .. r.id .. "' has done its items, and has not ended", function() goOn(x) end)
  end
end

for _, name in ipairs({ 'all', 'unfinished', r.s == 'R' and 'running' or nil }) do
  for _, index in ipairs({ name, name .. ':' .. r.plan.pipeline }) do
    if not call('ZSCORE', P .. index, r.id) then
      find("run '" .. r.id .. "' is not in index '" .. index .. "'", function() arrive(P .. index, get(r, 'm'), r.id) end)
    end
  end
end
local schedule = opt(r, 'c')
if schedule and call('SISMEMBER', P .. 'schedule:runs:' .. schedule, r.id) == 0 then
  find("run '" .. r.id .. "' is not among those of its schedule '" .. schedule .. "'", function()
    memberIn(sets, P .. 'schedule:runs:' .. schedule, r.id, true)
  end)
end
if opt(r, 'T') and not call('ZSCORE', P .. 'due', 't' .. r.id) then
  find("run '" .. r.id .. "' has a time limit, and is not due then", function()
    -- How long a run was delayed stands in its plan only. One that was is looked at when its delay is over.
    local isDelayed = string.find(opt(r, 'd'), 's', 1, true)
    dueAt((isDelayed and now or math.floor(get(r, 'm') / PER_MILLI)) + opt(r, 'T'), 't' .. r.id)
  end)
end
if not r.o then
  local line = opt(r, 'w')
  if line and not isInLine(line, r.id) then
    find("run '" .. r.id .. "' waits for a limit, and is not in its line", function()
      leave(line, r.id)
      setOpt(r, 'w', false)
      admit(r)
    end)
  elseif line then
    checkHolders(cjson.decode(opt(r, 'k')))
  elseif not call('ZSCORE', P .. 'due', 's' .. r.id) then
    find("run '" .. r.id .. "' has not begun, and is not due", function() admit(r) end)
  end
elseif r.n == 0 then
  find("run '" .. r.id .. "' has done its steps, and has not ended", function() enter(r, 'finish') end)
end
if r.o then
  for k = 7, #ARGV do
    local i = ARGV[k]
    if not isStepOver(r, i) and not get(r, 'o' .. i) then
      local x = stepOf(r, i).x and itemsOf(r, i)
      if x then checkItems(i, x) else checkUnit(i, nil) end
    end
  end
  local queue = P .. 'q:' .. r.kind.queue
  if call('LLEN', queue) > 0 and not call('ZSCORE', P .. 'ready', r.kind.queue) then
    find("queue '" .. r.kind.queue .. "' is not among the ready ones", function() zadd(P .. 'ready', turnOf(r.kind.queue), r.kind.queue) end)
  end
end
if isToMend and #wrong > 0 then commit(tonumber(ARGV[5])) end
return { wrong, hasMore and '1' or '' }
