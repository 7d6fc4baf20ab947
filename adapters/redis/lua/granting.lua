-- Grants ready units to workers. In memory, core's Dispatch and ReadyQueue do the same. One act reads a bounded number of units
-- and replies with a bounded number of bytes; if it stops early, it returns where to go on.
local moreFrom, isAloneWaiting, broken, grantAll
do
  -- How many units this act has granted, and when their leases end.
  local grantCount, leaseEnd = 0, nil
  -- How many bytes of memoised outputs this act has written to runs, and whether it has no room for more.
  local recalledBytes, isFullOfMemos = 0, false
  -- How many acts have granted leases, with this one. A token is this number and the place of the lease in the act.
  local calls
  -- How many entries this act has read; `moreFrom` is the place among the queues where the next call goes on.
  local looks = 0
  -- This many bytes of values count as one more entry.
  local BYTES_OF_LOOK = 65536
  moreFrom = nil
  isAloneWaiting = false
  -- Units that can't be read, with the error.
  broken = {}

  -- Beginnings and ends of texts, made once.
  local STARTED = '["' .. EVENT.stepStarted .. '",' .. nowText .. ','
  local startedTail, leaseTail
  local startedFirst = remembering(function(index) return STARTED .. index .. ',1' .. startedTail end)
  -- A part of the reply for a first attempt: its number, failures, milliseconds since the first attempt began, phase and item.
  local FIRST = '\0311\0310\0310\031' .. PHASE.run .. '\031\031'

  local function grant(run, index, item, ref, step, unit, limits, worker, isAlone)
    local phase = PHASE.run
    if step[STEP.expands] and item == nil then
      phase = PHASE.expand
    elseif step[STEP.isProbed] and not unit[RECORD.isProbed] then
      phase = PHASE.probe
    end
    local attemptNumber = phase == PHASE.probe and 0 or unit[RECORD.attempts] + 1
    local attempt = text[attemptNumber]
    grantCount = grantCount + 1
    local token = calls .. text[10000 + grantCount]
    local items = item and itemsOf(run, index)
    local isPlain = phase == PHASE.run and #limits == 0 and not isAlone
    local hash, field = leaseField(run, index, item)
    local shown = isAlone and string.lower(phase) or phase
    set(hash, field, token .. '|' .. attempt .. (isPlain and leaseTail
      or ('|' .. nowText .. '|' .. shown .. (#limits > 0 and '|1|' or '|0|') .. worker)))
    arrive(keyOf[KEY.leases], leaseEnd, ref .. '|' .. token)
    if items then
      alter(items, ITEMS.leased, items[ITEMS.leased] + 1)
    elseif phase ~= PHASE.probe then
      if run.status == STATUS.pending then begin(run) end
      if attemptNumber > 1 and get(run, OF_STEP.percent .. index) then set(run, OF_STEP.percent .. index, false) end
      pushEvent(run, attemptNumber == 1 and startedFirst[index] or STARTED .. index .. ',' .. attempt .. startedTail)
    end
    if isPlain and unit == FRESH and not items then
      answer.say(ref .. '\31' .. token .. FIRST .. run.kind.queue .. '\31' .. step[STEP.name])
    else
      local elapsed = unit[RECORD.attempts] == 0 and '0' or fmt(now - unit[RECORD.started])
      answer.say(ref .. '\31' .. token .. '\31' .. attempt .. '\31' .. text[unit[RECORD.failures]] .. '\31' .. elapsed
        .. '\31' .. shown .. '\31' .. (items and itemText(items, item) or '') .. '\31' .. run.kind.queue .. '\31' .. step[STEP.name])
    end
    answer.sayValues(run, index, step, phase, items)
  end

  -- The limits that a run has to take back before one of its steps is granted: it gave them away while no worker had its version.
  local function limitsOfRun(run)
    if not has(run, RUN.limits) or optional(run, RUN.holdsLimits) ~= '0' then return nil end
    return cjson.decode(optional(run, RUN.limits))
  end

  -- Takes the limits of a run. Returns false when it waits for them.
  local function takePlace(run, limits)
    if optional(run, RUN.line) then return false end
    local line, since = take(limits, run.id, run.id, 'run', run.kind.priority, optional(run, RUN.waitsSince))
    if line then
      setOptional(run, RUN.line, line)
      setOptional(run, RUN.waitsSince, fmt(since))
      return false
    end
    setOptional(run, RUN.holdsLimits, '1')
    return true
  end

  -- Takes the limits of a unit, and of its run. Returns false when `waiter`, the unit or its step, waits for them.
  local function holds(run, index, item, limits, waiter)
    local ofRun = limitsOfRun(run)
    if #limits == 0 and ofRun == nil then return true end
    local unit = unitOf(run, index, waiter)
    if ofRun and not takePlace(run, ofRun) then
      -- If it was woken for a free place of another limit, the next waiter is woken.
      if unit[RECORD.waitsSince] then pass(limits) end
      unit[RECORD.line] = '@'
      keepUnit(run, index, waiter)
      return false
    end
    local line, since
    if #limits > 0 then
      line, since = take(limits, refOf(run, index, item), refOf(run, index, waiter), versionOf[run.kind.queue],
        run.kind.priority, unit[RECORD.waitsSince])
    end
    if line then
      unit[RECORD.line], unit[RECORD.waitsSince] = line, since
      keepUnit(run, index, waiter)
      return false
    end
    if unit[RECORD.waitsSince] then
      unit[RECORD.waitsSince] = nil
      keepUnit(run, index, waiter)
    end
    return true
  end

  -- Reads the values of a unit. Returns `full` when the reply has no room for them, and `over` when they are more than a step
  -- may have: then the step has failed.
  local function problemOf(run, index, item, step, phase, unit, items)
    local itemBytes = item and #itemText(items, item) or 0
    if answer.isSame(run, index, items) then return item and answer.isFull(itemBytes) and 'full' or nil end
    local bytes = answer.readValues(run, step, phase)
    -- Counted as entries, so that an act that grants nothing is bounded, too.
    looks = looks + math.floor(bytes / BYTES_OF_LOOK)
    if bytes > BOUND.inputs * maxValueBytes then
      local attempt, started = unit[RECORD.attempts], now
      if item then
        attempt, started = items[ITEMS.attempt], items[ITEMS.started]
      else
        begin(run)
        pushEvent(run, '["' .. EVENT.stepStarted .. '",' .. nowText .. ',' .. index .. ',' .. text[attempt] .. ']')
      end
      local err = '{"#":"inputs","step":' .. quote(step[STEP.name]) .. ',"bytes":' .. fmt(bytes) .. '}'
      failStep(run, index, attempt, started, err)
      return 'over'
    end
    return answer.isFull(bytes + answer.ownBytes(run, index, phase, items) + itemBytes) and 'full' or nil
  end

  -- Grants a unit, unless its outputs are memoised, it waits for its limits, or its values have too many bytes. Returns false
  -- when the reply is full.
  local function tryGrant(run, index, item, ref, worker, recalled, isAlone)
    local step, unit = stepOf(run, index), lookAt(run, index, item)
    local limits = limitsOf(step, unit)
    local known = unit[RECORD.memo] and recall(unit[RECORD.memo])
    if known then
      local bytes = bytesOfOutputs(known)
      if recalledBytes > 0 and recalledBytes + bytes > BOUND.replyBytes then
        isFullOfMemos = true
        return false
      end
      recalledBytes = recalledBytes + bytes
      if unit[RECORD.waitsSince] then pass(limits) end
      recalled[#recalled + 1] = { run, index, item, known }
      return true
    end
    local items = item and itemsOf(run, index)
    local phase = step[STEP.expands] and item == nil and PHASE.expand or PHASE.run
    local problem = problemOf(run, index, item, step, phase, unit, items)
    if problem == 'full' then return false end
    if problem == 'over' then
      if unit[RECORD.waitsSince] then pass(limits) end
      return true
    end
    if holds(run, index, item, limits, item) then grant(run, index, item, ref, step, unit, limits, worker, isAlone) end
    return true
  end

  -- The fields of a run to read when one of its steps is granted: the same as for the run before it in the queue.
  local wanted = {}

  local function wantedOf(queue, index)
    local of = wanted[queue]
    return of and of[index] or HEAD
  end

  local function learn(run, index, step)
    local of = wanted[run.kind.queue]
    if of == nil then
      of = {}
      wanted[run.kind.queue] = of
    elseif of[index] then
      return
    end
    local fields = { RUN.header, RUN.submitted, leaseOf[index] }
    for _, name in ipairs(step[STEP.reads]) do fields[#fields + 1] = fieldOf[name] end
    of[index] = #fields < 20 and fields or HEAD
  end

  -- Whether a unit is leased, or has ended.
  local function isTaken(run, index, item)
    local hash, field = leaseField(run, index, item)
    local lease = get(hash, field)
    return lease and lease ~= ''
  end

  -- Whether a unit runs alone. If so, moves it to the queue of such units, and wakes the next waiter if the unit was woken for a
  -- free place.
  local function isSetApart(run, index, item)
    if not isLone(lookAt(run, index, item)) then return false end
    passOver(run, index, item)
    again(run, index, item)
    return true
  end

  -- Grants an entry of a queue: a step, an item, or as many items of a step as the worker wants. Returns `more` when items are
  -- left, and `full` when the reply has no room.
  local function grantNext(ref, queue, max, worker, recalled)
    local id, index, item = parse(ref)
    local run = runs[id]
    if run == nil then
      run = openWith(id, wantedOf(queue, index))
    elseif run and not item then
      getAll(run, wantedOf(queue, index))
    end
    if not run then return nil end
    if isOver(run) or (run.hasLost and get(run, OF_STEP.over .. index)) then
      passOver(run, index, item)
      return nil
    end
    local step = stepOf(run, index)
    local items = step[STEP.expands] and itemsOf(run, index)
    if not items then
      learn(run, index, step)
      -- The item is stale if its step has started over.
      if item or isTaken(run, index) or isSetApart(run, index) then return nil end
      return not tryGrant(run, index, nil, ref, worker, recalled) and 'full' or nil
    end
    if item then
      if isTaken(run, index, item) or isSetApart(run, index, item) then return nil end
      -- This item has waited for a limit, and other items have taken the last place of its step meanwhile.
      if hasRoom(items) then return not tryGrant(run, index, item, ref, worker, recalled) and 'full' or nil end
      passOver(run, index, item)
      local unit = unitOf(run, index, item)
      unit[RECORD.waitsSince] = nil
      keepUnit(run, index, item)
      againItem(items, item)
      return nil
    end
    local hasNoRoom = false
    while isReady(items) and grantCount < max and looks < BOUND.looks and not hasNoRoom do
      looks = looks + 1
      local shared = step[STEP.isProbed] and NONE or limitsOf(step, lookAt(run, index))
      local one = takeItem(items)
      if one then
        local problem = not step[STEP.isProbed] and problemOf(run, index, one, step, PHASE.run, FRESH, items)
        if step[STEP.isProbed] and not tryGrant(run, index, one, refOf(run, index, one), worker, recalled) then
          problem = 'full'
        end
        if isOver(run) or isStepOver(run, index) then
          passOver(run, index, nil)
          return nil
        end
        if problem == 'full' then
          againItem(items, one)
          hasNoRoom = true
        elseif not step[STEP.isProbed] then
          -- All items need the same limits: the step waits for them, and not each of its items.
          if not holds(run, index, one, shared, nil) then
            againItem(items, one)
            return nil
          end
          grant(run, index, one, refOf(run, index, one), step, lookAt(run, index, one), shared, worker)
        end
      end
    end
    alter(items, ITEMS.isQueued, isReady(items) and 1 or 0)
    if hasNoRoom then return 'full' end
    return items[ITEMS.isQueued] == 1 and 'more' or nil
  end

  -- Skips a unit whose data can't be read. The mender finds it later.
  local function guardedGrant(ref, queue, max, worker, recalled)
    local isDone, left = pcall(grantNext, ref, queue, max, worker, recalled)
    if isDone then return left end
    local why = type(left) == 'table' and left.err or tostring(left)
    -- The Redis user lacks a right: not a fault of the unit.
    if string.find(why, 'NOPERM', 1, true) or string.find(why, 'executing the script', 1, true) then error(left, 0) end
    broken[#broken + 1] = ref .. ' ' .. why
    later('SET', prefix .. KEY.torn, nowText)
    return nil
  end

  -- Whether the worker has the version of a queue, and its pipeline is not paused.
  local function isWanted(versions, known, queue)
    local version = versionOf[queue]
    if known[version] == nil then
      known[version] = call('SISMEMBER', versions, version) == 1
        and call('SISMEMBER', prefix .. KEY.paused, string.sub(version, string.find(version, ':', 1, true) + 1)) == 0
    end
    return known[version]
  end

  -- Visits the queues of KEY.ready in order. A queue that this act has filled comes last in its priority. Ends when `visit`
  -- returns true.
  local function eachQueue(from, visit)
    local new = {}
    for name, queue in pairs(queues) do
      if sizeBefore(queue) == 0 and sizeNow(queue) > 0 then
        queue.turn = turnOf(name)
        new[#new + 1] = name
      end
    end
    table.sort(new, function(one, other) return tonumber(queues[one].turn) < tonumber(queues[other].turn) end)
    local at, offset = 1, from
    while true do
      local page = call('ZRANGE', prefix .. KEY.ready, offset, offset + 15, 'WITHSCORES')
      offset = offset + 16
      for k = 1, #page, 2 do
        while new[at] and tonumber(queues[new[at]].turn) < tonumber(page[k + 1]) do
          if visit(new[at], offset - 16) then return end
          at = at + 1
        end
        if visit(page[k], offset - 16) then return end
      end
      if #page < 32 then break end
    end
    while new[at] do
      if visit(new[at], 0) then return end
      at = at + 1
    end
  end

  -- After this many units of a queue that can't be granted, the next queue has its turn.
  local MAX_IN_VAIN = 100

  -- Grants ready units: the highest priority first, and within a priority the pipelines in turn. Returns whether memoised outputs
  -- have completed a step.
  local function grantOnce(worker, versions, max, known, from)
    local recalled = {}
    local visited = 0
    eachQueue(from, function(name, place)
      visited = visited + 1
      if grantCount >= max then return true end
      if looks >= BOUND.looks or visited > BOUND.looks then
        moreFrom = moreFrom or place
        return true
      end
      if not isWanted(versions, known, name) then return false end
      local queue = queueOf(name)
      local before, inVain = grantCount, 0
      local hasNoRoom = false
      while grantCount < max and looks < BOUND.looks and inVain < MAX_IN_VAIN do
        local ref = takeRef(queue)
        if not ref then break end
        looks = looks + 1
        local grantedBefore = grantCount
        local left = guardedGrant(ref, name, max, worker, recalled)
        inVain = grantCount > grantedBefore and 0 or inVain + 1
        if left == 'more' then
          queue.back[#queue.back + 1] = ref
        elseif left == 'full' then
          putBack(queue, ref)
          hasNoRoom = true
          break
        end
      end
      count(name, before - grantCount)
      queue.isServed = true
      queue.turn = nil
      if hasNoRoom then
        -- The worker calls again, because without a claim it would wait.
        if grantCount == 0 then moreFrom = 0 end
        return true
      end
      if grantCount < max and sizeNow(queue) > 0 then moreFrom = 0 end
      return false
    end)
    for _, one in ipairs(recalled) do remember(unpack(one)) end
    return #recalled > 0
  end

  -- Grants a unit that has lost workers before to an idle worker. Returns whether it has granted one.
  local function grantAlone(worker, versions, known, isIdle)
    for _, name in ipairs(call('ZRANGE', prefix .. KEY.alone, 0, 99)) do
      if isWanted(versions, known, name) then
        if not isIdle then
          isAloneWaiting = true
          return false
        end
        local key = prefix .. KEY.aloneQueue .. name
        local refs = call('LRANGE', key, 0, 99)
        local taken = 0
        while taken < #refs and grantCount == 0 do
          taken = taken + 1
          local ref, recalled = refs[taken], {}
          local id, index, item = parse(ref)
          local run = open(id)
          local isWaiting = run and not isOver(run) and not isStepOver(run, index) and not isTaken(run, index, item)
          if isWaiting and (item == nil or itemsOf(run, index)) then
            local isAnswered = tryGrant(run, index, item, ref, worker, recalled, true)
            for _, one in ipairs(recalled) do remember(unpack(one)) end
            if not isAnswered then
              taken = taken - 1
              break
            end
          end
        end
        later('LTRIM', key, taken, -1)
        if taken == #refs and #refs < 100 and not lone[name] then zrem(prefix .. KEY.alone, name) end
        count(name, -taken)
        if grantCount > 0 then return true end
      end
    end
    return false
  end

  function grantAll(worker, digest, max, leaseMillis, isIdle, from)
    local known = {}
    local versions = prefix .. KEY.versions .. digest
    leaseEnd = fmt(now + leaseMillis)
    startedTail = ',' .. quote(worker) .. ']'
    leaseTail = '|' .. nowText .. '|' .. PHASE.run .. '|0|' .. worker
    calls = fmt(tonumber(call('GET', prefix .. KEY.tokens) or 0) + 1)
    if not (call('EXISTS', prefix .. KEY.alone) == 1 and grantAlone(worker, versions, known, isIdle)) then
      -- Memoised outputs may have made other steps ready.
      while grantOnce(worker, versions, max, known, from) and looks < BOUND.looks and not isFullOfMemos do
        keepTodo(workOffAll(false), 'RPUSH')
        admitNext()
      end
    end
    if grantCount == 0 then return '' end
    later('SET', prefix .. KEY.tokens, calls)
    return answer.text()
  end
end
