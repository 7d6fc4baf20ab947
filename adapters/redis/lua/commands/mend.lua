-- run, whether to mend it, maxLosses, maxValueBytes, historyCount, the first unit of lists to check; then the steps of the run
-- that have all their inputs and have not ended. Returns sentences about work that is in no queue, is not leased, waits for no
-- limit and is not due; and whether there are more units.
local run = open(ARGV[1])
local problems, hasMore = {}, false
local firstUnit = tonumber(ARGV[6])
if not run or hasTodo(run) then return { problems, '' } end
local isToMend = ARGV[2] == '1'
maxLosses, maxValueBytes = tonumber(ARGV[3]), tonumber(ARGV[4])

-- Records a problem, and mends it if the caller wants that.
local function find(problem, mend)
  problems[#problems + 1] = problem
  if isToMend then mend() end
end

-- An ended run must not be in the index of unfinished runs.
if isOver(run) then
  find("run '" .. run.id .. "' has ended, but is in the index of unfinished runs", function()
    -- As if it ended now: `commit` moves it to the indices of its status.
    run.was = STATUS.running
    setHead(run, 'status', run.status)
    enter(run, 'settleEnd')
    enter(run, 'clear')
    commit(tonumber(ARGV[5]))
  end)
  return { problems, '' }
end

-- Whether a queue has a unit. For a very long queue, whether that is likely: the first run in it is not a later one.
local function isQueued(key, ref)
  if call('LLEN', key) <= 1000 then return call('LPOS', key, ref) ~= false end
  local first = open((parse(call('LINDEX', key, 0))))
  if not first or first.status ~= STATUS.pending then return true end
  return tonumber(get(first, RUN.submitted)) <= tonumber(get(run, RUN.submitted))
end

-- Looks for holders of limits that are neither leased, nor stopping, nor runs under way.
local function checkHolders(limits)
  for _, limit in ipairs(limits) do
    for _, member in ipairs(call('SRANDMEMBER', prefix .. KEY.held .. limit.key, MANY)) do
      local id, index, item = parse(member)
      local other = open(id or member)
      local isHeld = other and not isOver(other) and (id ~= nil or optional(other, RUN.holdsLimits) == '1')
      if id and other then
        local hash, field = leaseField(other, index, item)
        local token = string.match(get(hash, field) or '', '^(%d+)|')
        isHeld = token ~= nil
        if not isHeld then
          -- The field of a stopping lease begins with the name of its unit.
          local stopping = call('HSCAN', prefix .. KEY.stopping, 0, 'MATCH', member .. '|*', 'COUNT', BOUND.looks)
          isHeld = #stopping[2] > 0
        end
      end
      if not isHeld then
        find("limit '" .. limit.key .. "' is held by '" .. member .. "', which is not running", function()
          letGo(limit.key, member)
        end)
      end
    end
    if isToMend then pass({ limit }) end
  end
end

-- Whether a waiter is in its line, and the line is among those of its limit.
local function isInLine(full, member)
  if not call('ZSCORE', full, member) then return false end
  local key, name = string.match(string.sub(full, #prefix + 1), '^' .. KEY.line .. '(.*)\n(%d+\n[^\n]*)$')
  return call('SISMEMBER', prefix .. KEY.linesOf .. key, name) == 1
end

local function stepText(index) return "step '" .. stepOf(run, index)[STEP.name] .. "' of run '" .. run.id .. "'" end

-- Checks a unit: a step, or a unit of its items.
local function checkUnit(index, item)
  local ref = refOf(run, index, item)
  local hash, field = leaseField(run, index, item)
  local lease = get(hash, field) or ''
  local token = string.match(lease, '^(%d+)|')
  local unit = lookAt(run, index, item)
  if token then
    local member = ref .. '|' .. token
    if not call('ZSCORE', prefix .. KEY.leases, member) then
      find("unit '" .. ref .. "' is leased, but its lease has no deadline", function()
        arrive(keyOf[KEY.leases], nowText, member)
      end)
    end
  elseif lease ~= '' then
    return
  elseif unit[RECORD.isDue] then
    if not call('ZSCORE', prefix .. KEY.due, DUE.unit .. ref) then
      find("unit '" .. ref .. "' waits for a retry that no timer starts", function()
        unitOf(run, index, item)[RECORD.isDue] = nil
        keepUnit(run, index, item)
        again(run, index, item)
      end)
    end
  elseif unit[RECORD.line] == '@' then
    local line = optional(run, RUN.line)
    if not line or not isInLine(line, run.id) then
      find("unit '" .. ref .. "' waits for the limits of its run, but the run does not", function()
        if line then leave(line, run.id) end
        setOptional(run, RUN.line, false)
        unit[RECORD.line] = nil
        keepUnit(run, index, item)
        ready(ref, run.kind.queue)
      end)
    end
  elseif unit[RECORD.line] then
    checkHolders(limitsOf(stepOf(run, index), unit))
    -- checkHolders may just have given it the place.
    if unit[RECORD.line] and not isInLine(unit[RECORD.line], ref) then
      find("unit '" .. ref .. "' waits for a limit, but is not in the line of that limit", function()
        leave(unit[RECORD.line], ref)
        unit[RECORD.line] = nil
        keepUnit(run, index, item)
        ready(ref, run.kind.queue)
      end)
    end
  elseif isLone(unit) then
    if call('LPOS', prefix .. KEY.aloneQueue .. run.kind.queue, ref, 'MAXLEN', 1000) == false then
      find("unit '" .. ref .. "' is ready to run alone, but is not queued", function() again(run, index, item) end)
    end
  elseif item == nil and not isQueued(prefix .. KEY.queue .. run.kind.queue, ref) then
    find(stepText(index) .. " is ready, but is not queued", function() ready(ref, run.kind.queue) end)
  end
end

-- Checks units of a step, from `firstUnit` on: leased units, and units to grant again.
local function checkUnits(index, items)
  local last = math.min(items[ITEMS.nextUnit], firstUnit + BOUND.mendedUnits) - 1
  if items[ITEMS.nextUnit] > last + 1 then hasMore = true end
  local againKey = prefix .. KEY.itemsAgain .. run.id .. ':' .. index
  local listed = {}
  for _, item in ipairs(call('LRANGE', againKey, 0, BOUND.mendedUnits)) do listed[tonumber(item)] = true end
  local size = call('LLEN', againKey)
  if size ~= items[ITEMS.againCount] then
    find(stepText(index) .. " has a wrong count of units to run again", function()
      alter(items, ITEMS.againCount, size)
    end)
  end
  local fields = {}
  for item = firstUnit, last do
    fields[#fields + 1] = leaseOf[text[item]]
    fields[#fields + 1] = WORK.record .. text[item]
  end
  local hash = itemHashOf(run, index)
  if #fields > 0 then getAll(hash, fields) end
  local leasedNow = 0
  for item = firstUnit, last do
    local lease = get(hash, leaseOf[text[item]]) or ''
    if string.match(lease, '^%d') then leasedNow = leasedNow + 1 end
    checkUnit(index, item)
    local unit = lookAt(run, index, item)
    local isWaiting = lease == '' and not unit[RECORD.isDue] and not unit[RECORD.line] and not isLone(unit)
    if isWaiting and not listed[item] and size <= BOUND.mendedUnits then
      find("unit " .. text[item] .. " of " .. stepText(index) .. " is missing in the list of units to run again", function()
        againItem(items, item)
      end)
    end
  end
  if firstUnit == 0 and items[ITEMS.nextUnit] == last + 1 and leasedNow ~= items[ITEMS.leased] then
    find(stepText(index) .. " has a wrong count of leased units", function()
      alter(items, ITEMS.leased, leasedNow)
    end)
  end
end

local function checkItems(index, items)
  checkUnits(index, items)
  local ref = refOf(run, index)
  if items[ITEMS.isQueued] == 1 then
    if not lookAt(run, index)[RECORD.line] and not isQueued(prefix .. KEY.queue .. run.kind.queue, ref) then
      find("the items of " .. stepText(index) .. " are ready, but are not queued", function()
        ready(ref, run.kind.queue)
      end)
    end
  elseif isReady(items) then
    find("the items of " .. stepText(index) .. " are ready, but are not queued", function() requeue(items) end)
  elseif items[ITEMS.endedUnits] == items[ITEMS.units] then
    find(stepText(index) .. " has completed its items, but has not ended", function() goOn(items) end)
  end
end

for _, name in ipairs({ KEY.all, KEY.unfinished, run.status == STATUS.running and KEY.running or nil }) do
  for _, index in ipairs({ name, name .. ':' .. run.plan.pipeline }) do
    if not call('ZSCORE', prefix .. index, run.id) then
      find("run '" .. run.id .. "' is not in index '" .. index .. "'", function()
        arrive(prefix .. index, get(run, RUN.submitted), run.id)
      end)
    end
  end
end
local schedule = optional(run, RUN.schedule)
if schedule and call('SISMEMBER', prefix .. KEY.scheduleRuns .. schedule, run.id) == 0 then
  find("run '" .. run.id .. "' is not in the list of its schedule '" .. schedule .. "'", function()
    memberIn(sets, prefix .. KEY.scheduleRuns .. schedule, run.id, true)
  end)
end
if optional(run, RUN.timeout) and not call('ZSCORE', prefix .. KEY.due, DUE.timeout .. run.id) then
  find("run '" .. run.id .. "' has a time limit, but no timer ends it", function()
    -- Only the plan has the delay of a run. For a delayed run, the time limit counts from now.
    local isDelayed = string.find(optional(run, RUN.due), DUE.start, 1, true)
    local since = isDelayed and now or math.floor(get(run, RUN.submitted) / BOUND.perMilli)
    dueAt(since + optional(run, RUN.timeout), DUE.timeout .. run.id)
  end)
end
if not run.isOpen then
  local line = optional(run, RUN.line)
  if line and not isInLine(line, run.id) then
    find("run '" .. run.id .. "' waits for a limit, but is not in the line of that limit", function()
      leave(line, run.id)
      setOptional(run, RUN.line, false)
      admit(run)
    end)
  elseif line then
    checkHolders(cjson.decode(optional(run, RUN.limits)))
  elseif not call('ZSCORE', prefix .. KEY.due, DUE.start .. run.id) then
    find("run '" .. run.id .. "' has not begun, and no timer starts it", function() admit(run) end)
  end
elseif run.stepsLeft == 0 then
  find("run '" .. run.id .. "' has completed its steps, but has not ended", function() enter(run, 'finish') end)
end
if run.isOpen then
  for k = 7, #ARGV do
    local index = ARGV[k]
    if not isStepOver(run, index) and not get(run, OF_STEP.over .. index) then
      local items = stepOf(run, index)[STEP.expands] and itemsOf(run, index)
      if items then checkItems(index, items) else checkUnit(index, nil) end
    end
  end
  local queue = prefix .. KEY.queue .. run.kind.queue
  if call('LLEN', queue) > 0 and not call('ZSCORE', prefix .. KEY.ready, run.kind.queue) then
    find("queue '" .. run.kind.queue .. "' has units, but is not in the index of ready queues", function()
      zadd(prefix .. KEY.ready, turnOf(run.kind.queue), run.kind.queue)
    end)
  end
end
if isToMend and #problems > 0 then commit(tonumber(ARGV[5])) end
return { problems, hasMore and '1' or '' }
