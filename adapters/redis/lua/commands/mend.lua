-- run, whether to mend it, maxLosses, maxValueBytes, historyCount, from which unit of lists to look; then the steps of it
-- that wait for nothing and have not ended. Gives what is wrong (work that is in no queue, lent to no worker, waits for no limit
-- and is not due), and whether there are more units.
local run = open(ARGV[1])
local wrong, hasMore = {}, false
local firstUnit = tonumber(ARGV[6])
if not run or hasTodo(run) then return { wrong, '' } end
local isToMend = ARGV[2] == '1'
maxLosses, maxValueBytes = tonumber(ARGV[3]), tonumber(ARGV[4])

local function find(what, mend)
  wrong[#wrong + 1] = what
  if isToMend then mend() end
end

-- A run that has ended, and stands among those that have not.
if isOver(run) then
  find("run '" .. run.id .. "' has ended, and stands among the unfinished", function()
    -- As if it ended now: `commit` moves it to the indices of its status.
    run.was = STATUS.running
    setHead(run, 'status', run.status)
    enter(run, 'settleEnd')
    enter(run, 'clear')
    commit(tonumber(ARGV[5]))
  end)
  return { wrong, '' }
end

-- Whether a list has a member; of a very long one, whether it is likely to be there: what came later would stand before it.
local function isQueued(key, ref)
  if call('LLEN', key) <= 1000 then return call('LPOS', key, ref) ~= false end
  local first = open((parse(call('LINDEX', key, 0))))
  return not (first and first.status == STATUS.pending and tonumber(get(first, RUN.submitted)) > tonumber(get(run, RUN.submitted)))
end

-- Holders of a limit that are not lent, nor stop, nor are runs under way.
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
          -- Of one that stops, only the token is known where it is kept.
          local stopping = call('HSCAN', prefix .. KEY.stopping, 0, 'MATCH', member .. '|*', 'COUNT', BOUND.looks)
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
  local key, name = string.match(string.sub(full, #prefix + 1), '^line:(.*)\n(%d+\n[^\n]*)$')
  return call('SISMEMBER', prefix .. KEY.linesOf .. key, name) == 1
end

local function checkUnit(index, item)
  local ref = refOf(run, index, item)
  local hash, field = leaseField(run, index, item)
  local lease = get(hash, field) or ''
  local token = string.match(lease, '^(%d+)|')
  local unit = lookAt(run, index, item)
  if token then
    local member = ref .. '|' .. token
    if not call('ZSCORE', prefix .. KEY.leases, member) then
      find("unit '" .. ref .. "' is lent, and its lease does not end", function() arrive(keyOf[KEY.leases], nowText, member) end)
    end
  elseif lease ~= '' then
    return
  elseif unit[RECORD.isDue] then
    if not call('ZSCORE', prefix .. KEY.due, DUE.unit .. ref) then
      find("unit '" .. ref .. "' waits for an attempt that is not due", function()
        unitOf(run, index, item)[RECORD.isDue] = nil
        keepUnit(run, index, item)
        again(run, index, item)
      end)
    end
  elseif unit[RECORD.line] == '@' then
    local line = optional(run, RUN.line)
    if not line or not isInLine(line, run.id) then
      find("unit '" .. ref .. "' waits for its run's limits, and the run does not", function()
        if line then leave(line, run.id) end
        setOptional(run, RUN.line, false)
        unit[RECORD.line] = nil
        keepUnit(run, index, item)
        ready(ref, run.kind.queue)
      end)
    end
  elseif unit[RECORD.line] then
    checkHolders(limitsOf(stepOf(run, index), unit))
    -- It may have been told of a free place by now.
    if unit[RECORD.line] and not isInLine(unit[RECORD.line], ref) then
      find("unit '" .. ref .. "' waits for a limit, and is not in its line", function()
        leave(unit[RECORD.line], ref)
        unit[RECORD.line] = nil
        keepUnit(run, index, item)
        ready(ref, run.kind.queue)
      end)
    end
  elseif isLone(unit) then
    if call('LPOS', prefix .. KEY.aloneQueue .. run.kind.queue, ref, 'MAXLEN', 1000) == false then
      find("unit '" .. ref .. "' runs alone, and is not queued", function() again(run, index, item) end)
    end
  elseif item == nil and not isQueued(prefix .. KEY.queue .. run.kind.queue, ref) then
    find("step '" .. stepOf(run, index)[STEP.name] .. "' of run '" .. run.id .. "' is ready, and is not queued", function() ready(ref, run.kind.queue) end)
  end
end

-- Units of a step from one place on: those that are lent, and those that wait to be lent again.
local function checkUnits(index, expansion)
  local last = math.min(expansion[ITEMS.nextUnit], firstUnit + BOUND.mendedUnits) - 1
  if expansion[ITEMS.nextUnit] > last + 1 then hasMore = true end
  local again_ = prefix .. KEY.itemsAgain .. run.id .. ':' .. index
  local listed = {}
  for _, item in ipairs(call('LRANGE', again_, 0, BOUND.mendedUnits)) do listed[tonumber(item)] = true end
  local size = call('LLEN', again_)
  if size ~= expansion[ITEMS.againCount] then
    find("step '" .. stepOf(run, index)[STEP.name] .. "' of run '" .. run.id .. "' has a wrong number of units to be lent again", function()
      alter(expansion, ITEMS.againCount, size)
    end)
  end
  local fields = {}
  for item = firstUnit, last do
    fields[#fields + 1] = leaseOf[text[item]]
    fields[#fields + 1] = 'u' .. text[item]
  end
  local hash = itemHashOf(run, index)
  if #fields > 0 then getAll(hash, fields) end
  local lentNow = 0
  for item = firstUnit, last do
    local lease = get(hash, leaseOf[text[item]]) or ''
    if string.match(lease, '^%d') then lentNow = lentNow + 1 end
    checkUnit(index, item)
    local unit = lookAt(run, index, item)
    local isWaiting = lease == '' and not unit[RECORD.isDue] and not unit[RECORD.line] and not isLone(unit)
    if isWaiting and not listed[item] and size <= BOUND.mendedUnits then
      find("unit " .. text[item] .. " of step '" .. stepOf(run, index)[STEP.name] .. "' of run '" .. run.id .. "' is not to be lent again", function()
        againItem(expansion, item)
      end)
    end
  end
  if firstUnit == 0 and expansion[ITEMS.nextUnit] == last + 1 and lentNow ~= expansion[ITEMS.lent] then
    find("step '" .. stepOf(run, index)[STEP.name] .. "' of run '" .. run.id .. "' has a wrong number of units that are lent", function()
      alter(expansion, ITEMS.lent, lentNow)
    end)
  end
end

local function checkItems(index, expansion)
  checkUnits(index, expansion)
  local ref = refOf(run, index)
  if expansion[ITEMS.isQueued] == 1 then
    if not lookAt(run, index)[RECORD.line] and not isQueued(prefix .. KEY.queue .. run.kind.queue, ref) then
      find("the items of step '" .. stepOf(run, index)[STEP.name] .. "' of run '" .. run.id .. "' are ready, and are not queued", function()
        ready(ref, run.kind.queue)
      end)
    end
  elseif isReady(expansion) then
    find("the items of step '" .. stepOf(run, index)[STEP.name] .. "' of run '" .. run.id .. "' are ready, and are not queued", function() requeue(expansion) end)
  elseif expansion[ITEMS.endedUnits] == expansion[ITEMS.units] then
    find("step '" .. stepOf(run, index)[STEP.name] .. "' of run '" .. run.id .. "' has done its items, and has not ended", function() goOn(expansion) end)
  end
end

for _, name in ipairs({ 'all', 'unfinished', run.status == STATUS.running and 'running' or nil }) do
  for _, index in ipairs({ name, name .. ':' .. run.plan.pipeline }) do
    if not call('ZSCORE', prefix .. index, run.id) then
      find("run '" .. run.id .. "' is not in index '" .. index .. "'", function() arrive(prefix .. index, get(run, RUN.submitted), run.id) end)
    end
  end
end
local schedule = optional(run, RUN.schedule)
if schedule and call('SISMEMBER', prefix .. KEY.scheduleRuns .. schedule, run.id) == 0 then
  find("run '" .. run.id .. "' is not among those of its schedule '" .. schedule .. "'", function()
    memberIn(sets, prefix .. KEY.scheduleRuns .. schedule, run.id, true)
  end)
end
if optional(run, RUN.timeout) and not call('ZSCORE', prefix .. KEY.due, DUE.timeout .. run.id) then
  find("run '" .. run.id .. "' has a time limit, and is not due then", function()
    -- How long a run was delayed stands in its plan only. One that was is looked at when its delay is over.
    local isDelayed = string.find(optional(run, RUN.due), DUE.start, 1, true)
    dueAt((isDelayed and now or math.floor(get(run, RUN.submitted) / BOUND.perMilli)) + optional(run, RUN.timeout), DUE.timeout .. run.id)
  end)
end
if not run.isOpen then
  local line = optional(run, RUN.line)
  if line and not isInLine(line, run.id) then
    find("run '" .. run.id .. "' waits for a limit, and is not in its line", function()
      leave(line, run.id)
      setOptional(run, RUN.line, false)
      admit(run)
    end)
  elseif line then
    checkHolders(cjson.decode(optional(run, RUN.limits)))
  elseif not call('ZSCORE', prefix .. KEY.due, DUE.start .. run.id) then
    find("run '" .. run.id .. "' has not begun, and is not due", function() admit(run) end)
  end
elseif run.stepsLeft == 0 then
  find("run '" .. run.id .. "' has done its steps, and has not ended", function() enter(run, 'finish') end)
end
if run.isOpen then
  for k = 7, #ARGV do
    local index = ARGV[k]
    if not isStepOver(run, index) and not get(run, OF_STEP.over .. index) then
      local expansion = stepOf(run, index)[STEP.expands] and itemsOf(run, index)
      if expansion then checkItems(index, expansion) else checkUnit(index, nil) end
    end
  end
  local queue = prefix .. KEY.queue .. run.kind.queue
  if call('LLEN', queue) > 0 and not call('ZSCORE', prefix .. KEY.ready, run.kind.queue) then
    find("queue '" .. run.kind.queue .. "' is not among the ready ones", function() zadd(prefix .. KEY.ready, turnOf(run.kind.queue), run.kind.queue) end)
  end
end
if isToMend and #wrong > 0 then commit(tonumber(ARGV[5])) end
return { wrong, hasMore and '1' or '' }
