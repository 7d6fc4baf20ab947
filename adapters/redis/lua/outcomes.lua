-- Applies outcomes to a run. In memory, core's MemoryRun does the same. Errors that scripts make are `{"#":<kind>,…}`: see
-- readError in RunCode.ts.
local memoise, recall, bytesOfOutputs, completeStep, failStep, goOn, completeItem, failItems,
  failUnit, remember, isLone, again, endLease, keepAttempt,
  released, failed, retried, lost
do
  local memos = {}
  -- How many outputs are memoised, and how many of the oldest this act has removed.
  local memosCount, memosGone = nil, 0

  -- Memoises the outputs of a unit.
  function memoise(unit, outputs, memoCount)
    local key = prefix .. KEY.memo .. unit[RECORD.memo]
    local json = #outputs == 0 and '[]' or cjson.encode(outputs)
    memosCount = memosCount or call('ZCARD', prefix .. KEY.memos)
    if not memos[unit[RECORD.memo]] and not call('ZSCORE', prefix .. KEY.memos, unit[RECORD.memo]) then
      memosCount = memosCount + 1
    end
    memos[unit[RECORD.memo]] = outputs
    if unit[RECORD.memoMillis] > 0 then
      later('SET', key, json, 'PX', fmt(unit[RECORD.memoMillis]))
    else
      later('SET', key, json)
    end
    zadd(prefix .. KEY.memos, nowText, unit[RECORD.memo])
    local past = memosCount - memoCount
    if past > 0 then
      past = math.min(past, BOUND.looks)
      memosCount = memosCount - past
      memosGone = memosGone + past
      for _, oldest in ipairs(call('ZRANGE', prefix .. KEY.memos, memosGone - past, memosGone - 1)) do
        zrem(prefix .. KEY.memos, oldest)
        later('UNLINK', prefix .. KEY.memo .. oldest)
      end
    end
  end

  function recall(memo)
    local known = memos[memo]
    if known == nil then
      local json = call('GET', prefix .. KEY.memo .. memo)
      known = json and cjson.decode(json) or false
      memos[memo] = known
    end
    if known then zadd(prefix .. KEY.memos, nowText, memo) end
    return known
  end

  function bytesOfOutputs(outputs)
    local bytes = 0
    for k = 2, #outputs, 2 do bytes = bytes + #outputs[k] end
    return bytes
  end

  local COMPLETED = '["' .. EVENT.stepCompleted .. '",' .. nowText .. ','

  function completeStep(run, index, attempt, started, outputs, more, arm)
    local given = optional(run, RUN.given)
    given = given and cjson.decode(given)
    local names = ''
    for k = 1, #outputs, 2 do
      local name = outputs[k]
      if not (given and given[name]) then
        names = names == '' and quoted[name] or (names .. ',' .. quoted[name])
        keepValue(run, name, outputs[k + 1])
      end
    end
    set(run, leaseOf[index], END.completed)
    local millis = text[now - started]
    pushEvent(run, COMPLETED .. index .. ',' .. text[attempt] .. ',' .. millis .. ',[' .. names .. ']' .. more .. ']')
    countDown(run, index, arm)
  end

  function failStep(run, index, attempt, started, err)
    local items = itemsOf(run, index)
    if items then started = items[ITEMS.started] end
    local hasFailedItems = items and items.plan[EXPANDS.onFailure] and items[ITEMS.failedItems] > 0
    pushEvent(run, '["' .. EVENT.stepFailed .. '",' .. nowText .. ',' .. index .. ',' .. attempt .. ',' .. fmt(now - started)
      .. ',' .. err .. (hasFailedItems and (',' .. fmt(items[ITEMS.failedItems])) or '') .. ']')
    lose(run, index, err, "step '" .. stepOf(run, index)[STEP.name] .. "' failed")
  end

  -- How many items of a step may fail: all of them, unless its plan says less.
  local function toleratedOf(items)
    local tolerated = items.plan[EXPANDS.tolerated]
    if tolerated == nil then return items[ITEMS.items] end
    return tolerated.count or math.floor(items[ITEMS.items] * tolerated.share / 100)
  end

  -- How many failed items are recorded. ITEMS.firstFailed has them in order, each with its error, with SEPARATOR behind each
  -- text.
  local MAX_NAMED = 10

  local function nameItem(items, item, err)
    local named = {}
    for other, otherErr in string.gmatch(get(items.hash, ITEMS.firstFailed) or '', '(%d+)\31([^\31]*)\31') do
      named[#named + 1] = { tonumber(other), otherErr }
    end
    if #named == MAX_NAMED and item > named[MAX_NAMED][1] then return end
    local place = #named + 1
    while place > 1 and named[place - 1][1] > item do place = place - 1 end
    table.insert(named, place, { item, err })
    named[MAX_NAMED + 1] = nil
    local texts = {}
    for _, one in ipairs(named) do texts[#texts + 1] = fmt(one[1]) .. '\31' .. one[2] .. '\31' end
    set(items.hash, ITEMS.firstFailed, table.concat(texts))
  end

  -- The error with which a step with items fails; nil when it goes on.
  local function problemOf(items)
    local step = quote(stepOf(items.run, items.index)[STEP.name])
    if items[ITEMS.resultBytes] > maxValueBytes then return '{"#":"large","step":' .. step .. '}' end
    local failedItems = items[ITEMS.failedItems]
    if failedItems == 0 then return nil end
    local isCollecting = items.plan[EXPANDS.onFailure] == ITEM_POLICY.collect
    if isCollecting and items[ITEMS.endedUnits] < items[ITEMS.units] then return nil end
    local tolerated = toleratedOf(items)
    if failedItems <= tolerated then return nil end
    local numbers, cause = {}, nil
    for item, err in string.gmatch(get(items.hash, ITEMS.firstFailed), '(%d+)\31([^\31]*)\31') do
      numbers[#numbers + 1] = item
      cause = cause or err
    end
    return '{"#":"items","step":' .. step .. ',"failed":' .. fmt(failedItems) .. ',"count":' .. fmt(items[ITEMS.items])
      .. ',"tolerated":' .. fmt(tolerated) .. ',"items":[' .. table.concat(numbers, ',') .. '],"cause":' .. cause .. '}'
  end

  -- Called when units have ended, and when the items are made: the step fails, completes, or goes on.
  function goOn(items)
    local run, index = items.run, items.index
    local problem = problemOf(items)
    if problem then return failStep(run, index, items[ITEMS.attempt], items[ITEMS.started], problem) end
    progress(run, index, items[ITEMS.attempt], items[ITEMS.endedItems], items[ITEMS.items])
    if items[ITEMS.endedUnits] < items[ITEMS.units] then return requeue(items) end
    local attempts, started = items[ITEMS.attempt], items[ITEMS.started]
    local more = {}
    if items[ITEMS.memoisedItems] > 0 then more[#more + 1] = '"memoisedItems":' .. fmt(items[ITEMS.memoisedItems]) end
    if items[ITEMS.failedItems] > 0 then more[#more + 1] = '"itemsFailed":' .. fmt(items[ITEMS.failedItems]) end
    local how = #more > 0 and (',{' .. table.concat(more, ',') .. '}') or ''
    local outputs = resultOf(items)
    if items[ITEMS.failedItems] > 0 then set(run, OF_STEP.items .. index, 'k') else dropItems(run, index) end
    completeStep(run, index, attempts, started, outputs, how)
  end

  function completeItem(run, index, item, attempts, outputs, isMemoised)
    local items = itemsOf(run, index)
    endUnit(items, item, END.completed, attempts, outputs)
    if isMemoised then alter(items, ITEMS.memoisedItems, items[ITEMS.memoisedItems] + sizeOf(items, item)) end
    goOn(items)
  end

  -- Items of a unit have failed, after their retries. `outputs` are those of its other items. `errors` has numbers of items and
  -- their errors, alternating.
  function failItems(run, index, item, attempts, outputs, failedCount, errors)
    local items = itemsOf(run, index)
    endUnit(items, item, END.failed, attempts, outputs)
    alter(items, ITEMS.failedItems, items[ITEMS.failedItems] + failedCount)
    if items[ITEMS.errors] < BOUND.itemErrors then
      alter(items, ITEMS.errors, items[ITEMS.errors] + 1)
      set(items.hash, ITEMS.error .. text[item], errors[2])
    end
    if items.plan[EXPANDS.onFailure] == nil then
      return failStep(run, index, attempts, items[ITEMS.started], errors[2])
    end
    for k = 1, #errors, 2 do
      nameItem(items, tonumber(errors[k]), errors[k + 1])
      if items[ITEMS.failureEvents] < BOUND.itemErrors then
        alter(items, ITEMS.failureEvents, items[ITEMS.failureEvents] + 1)
        pushEvent(run, '["' .. EVENT.itemFailed .. '",' .. nowText .. ',' .. index .. ',' .. attempts .. ',' .. errors[k] .. ','
          .. errors[k + 1] .. ']')
      end
    end
    goOn(items)
  end

  -- A whole unit has failed, and so have all of its items.
  function failUnit(run, index, item, attempts, err)
    local items = itemsOf(run, index)
    local size = sizeOf(items, item)
    local first = item * items[ITEMS.unitSize]
    if items.plan[EXPANDS.onFailure] == nil then
      return failItems(run, index, item, attempts, {}, size, { fmt(first), err })
    end
    local errors = {}
    local before, after = string.match(err, '^(.*),"item":%d+(.*)$')
    if not before then before, after = string.sub(err, 1, -2), '}' end
    for at = 0, math.min(size, BOUND.unitErrors) - 1 do
      local failedItem = fmt(first + at)
      errors[#errors + 1] = failedItem
      errors[#errors + 1] = before .. ',"item":' .. failedItem .. after
    end
    failItems(run, index, item, attempts, {}, size, errors)
  end

  -- Completes a unit with memoised outputs.
  function remember(run, index, item, outputs)
    if isOver(run) or isStepOver(run, index) then return end
    local attempts = lookAt(run, index, item)[RECORD.attempts]
    dropUnit(run, index, item)
    if item then return completeItem(run, index, item, attempts, outputs, true) end
    begin(run)
    pushEvent(run, '["' .. EVENT.stepStarted .. '",' .. nowText .. ',' .. index .. ',' .. attempts .. ']')
    completeStep(run, index, attempts, now, outputs, ',{"memoised":true}')
  end

  -- Whether a unit has lost so many workers that it runs alone.
  function isLone(unit) return unit[RECORD.losses] >= math.max(1, maxLosses - 1) end

  -- Makes a unit ready again.
  function again(run, index, item)
    if isLone(lookAt(run, index, item)) then
      readyAlone(refOf(run, index, item), run.kind.queue)
    elseif item == nil then
      ready(refOf(run, index), run.kind.queue)
    else
      local items = itemsOf(run, index)
      if items then
        againItem(items, item)
        requeue(items)
      end
    end
  end

  -- The parts of leases of one act that are equal: start, phase, whether they hold limits, worker. Decoded once.
  local grantOf = remembering(function(tail)
    local started, phase, held, worker = string.match(tail, '^(%d+)|(%a)|(%d)|(.*)$')
    local upper = string.upper(phase)
    return { started = tonumber(started), phase = upper, isAlone = phase ~= upper, isHolding = held == '1', worker = worker }
  end)

  -- The fields of a run to read when one of its steps is settled: the lease, and the input counts of the steps behind it if the
  -- plan's step is known.
  local settled = remembering(function(index) return { RUN.header, RUN.submitted, leaseOf[index] } end)
  local isLearnt = {}

  local function learnSettled(run, index)
    isLearnt[index] = true
    local fields = settled[index]
    local releases = stepOf(run, index)[STEP.releases]
    for k = 1, math.min(#releases, 10) do
      local other = releases[k]
      if stepOf(run, other)[STEP.waits] > 1 then fields[#fields + 1] = OF_STEP.inputs .. other end
    end
  end

  local function openToSettle(id, index, item)
    local run = runs[id]
    if run == nil then run = openWith(id, item and HEAD or settled[index]) end
    return run
  end

  -- Ends a lease and returns its parts; nil if the token is stale. A step that is about to complete keeps its lease field,
  -- because it is overwritten then.
  function endLease(ref, token, isCompleted)
    local id, index, item = parse(ref)
    local run = openToSettle(id, index, item)
    local member = ref .. '|' .. token
    local mine, attempt, tail, hash, field
    if run then
      hash, field = leaseField(run, index, item)
      mine, attempt, tail = string.match(get(hash, field) or '', '^(%d+)|(%d+)|(.*)$')
    end
    if mine ~= token then
      -- The worker of a revoked lease has stopped: its limits are free now.
      local limits = call('HGET', prefix .. KEY.stopping, member)
      if limits then
        later('HDEL', prefix .. KEY.stopping, member)
        depart(keyOf[KEY.leases], member)
        give(cjson.decode(limits), ref)
      end
      return nil
    end
    local step, grant = stepOf(run, index), grantOf[tail]
    local items = item and itemsOf(run, index)
    local isStale = isOver(run) or (item and not items) or isStepOver(run, index)
    if item ~= nil then set(hash, field, false) elseif isStale or not isCompleted then set(hash, field, '') end
    depart(keyOf[KEY.leases], member)
    if grant.isHolding then give(limitsOf(step, lookAt(run, index, item)), ref) end
    if isStale then return nil end
    if items then
      alter(items, ITEMS.leased, items[ITEMS.leased] - 1)
    elseif not isLearnt[index] then
      learnSettled(run, index)
    end
    return {
      run = run, index = index, item = item, step = step, items = items, worker = grant.worker, phase = grant.phase,
      isAlone = grant.isAlone, attempt = number[attempt], started = grant.started
    }
  end

  -- Counts a failed attempt of a unit that will be retried.
  function keepAttempt(lease)
    local unit = unitOf(lease.run, lease.index, lease.item)
    if lease.phase ~= PHASE.probe then
      if lease.attempt == 1 then unit[RECORD.started] = lease.started end
      unit[RECORD.attempts] = lease.attempt
    end
    return unit
  end

  local function aboutItem(lease, item)
    if lease.items then return ',' .. (item or fmt(lease.item * lease.items[ITEMS.unitSize])) end
    return ''
  end

  function released(lease, reason)
    local run = lease.run
    keepAttempt(lease)
    keepUnit(run, lease.index, lease.item)
    if lease.phase ~= PHASE.probe then
      pushOfUnit(run, lease.index, lease.item, '["' .. EVENT.stepReleased .. '",' .. nowText .. ',' .. lease.index .. ','
        .. lease.attempt .. ',' .. reason .. aboutItem(lease) .. ']')
    end
    again(run, lease.index, lease.item)
  end

  function failed(lease, err)
    local run = lease.run
    if lease.item then return failUnit(run, lease.index, lease.item, lease.attempt, err) end
    if lease.phase == PHASE.probe then
      begin(run)
      pushEvent(run, '["' .. EVENT.stepStarted .. '",' .. nowText .. ',' .. lease.index .. ',0]')
    end
    failStep(run, lease.index, lease.attempt, lease.started, err)
  end

  function retried(lease, err, wait, item)
    local run = lease.run
    local unit = keepAttempt(lease)
    unit[RECORD.failures] = unit[RECORD.failures] + 1
    pushOfUnit(run, lease.index, lease.item, '["' .. EVENT.stepRetried .. '",' .. nowText .. ',' .. lease.index .. ','
      .. lease.attempt .. ',' .. fmt(wait) .. ',' .. err .. aboutItem(lease, item) .. ']')
    if wait > 0 then
      unit[RECORD.isDue] = 1
      dueAt(now + wait, DUE.unit .. refOf(run, lease.index, lease.item))
      if lease.items then requeue(lease.items) end
    else
      again(run, lease.index, lease.item)
    end
    keepUnit(run, lease.index, lease.item)
  end

  -- A lease has expired. That counts as a lost worker of the unit, which fails if it has lost too many and ran alone.
  function lost(lease)
    local run = lease.run
    local unit = unitOf(run, lease.index, lease.item)
    unit[RECORD.losses] = unit[RECORD.losses] + 1
    -- This worker is not woken for the step, because it seems to be gone.
    if not lostWorkers[lease.worker] then
      lostWorkers[lease.worker] = true
      for _, digest in ipairs(call('SMEMBERS', prefix .. KEY.digests)) do zrem(prefix .. KEY.idle .. digest, lease.worker) end
    end
    if unit[RECORD.losses] < maxLosses or not lease.isAlone then
      return released(lease, quote("worker '" .. lease.worker .. "' did not renew its lease"))
    end
    local name = lease.step[STEP.name]
    local item = lease.items and (',"item":' .. fmt(lease.item * lease.items[ITEMS.unitSize])) or ''
    local err = '{"#":"lost","step":' .. quote(name) .. ',"losses":' .. unit[RECORD.losses] .. item .. '}'
    later('LPUSH', prefix .. KEY.dead, '[' .. nowText .. ',' .. quote(run.id) .. ',' .. quote(name) .. ']')
    later('LTRIM', prefix .. KEY.dead, 0, 999)
    failed(lease, err)
  end
end
