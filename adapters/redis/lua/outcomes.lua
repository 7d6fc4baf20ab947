-- What outcomes do to a run: as core's MemoryRun does it in memory. An error that is made here and not by a worker is
-- `{"#":<kind>,…}`; the reader puts it into words.
local memoise, recall, bytesOfOutputs, completeStep, failStep, goOn, completeItem, failItems,
  failUnit, remember, isLone, again, endLease, keepAttempt,
  released, failed, retried, lost
do
  local memos = {}
  -- How many there are, and how many of the oldest this act has removed.
  local memosCount, memosGone = nil, 0

  -- Keeps what a unit gave, for others with the same memo key.
  function memoise(unit, outputs, memoCount)
    local key = prefix .. KEY.memo .. unit[RECORD.memo]
    local json = #outputs == 0 and '[]' or cjson.encode(outputs)
    memosCount = memosCount or call('ZCARD', prefix .. KEY.memos)
    if not memos[unit[RECORD.memo]] and not call('ZSCORE', prefix .. KEY.memos, unit[RECORD.memo]) then memosCount = memosCount + 1 end
    memos[unit[RECORD.memo]] = outputs
    if unit[RECORD.memoMillis] > 0 then later('SET', key, json, 'PX', fmt(unit[RECORD.memoMillis])) else later('SET', key, json) end
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
    pushEvent(run, COMPLETED .. index .. ',' .. text[attempt] .. ',' .. text[now - started] .. ',[' .. names .. ']' .. more .. ']')
    countDown(run, index, arm)
  end

  function failStep(run, index, attempt, started, err)
    local expansion = itemsOf(run, index)
    if expansion then started = expansion[ITEMS.started] end
    local failedItems = expansion and expansion.plan[EXPANDS.onFailure] and expansion[ITEMS.failedItems] > 0 and (',' .. fmt(expansion[ITEMS.failedItems])) or ''
    pushEvent(run, '["' .. EVENT.stepFailed .. '",' .. nowText .. ',' .. index .. ',' .. attempt .. ',' .. fmt(now - started) .. ',' .. err .. failedItems .. ']')
    lose(run, index, err, "step '" .. stepOf(run, index)[STEP.name] .. "' failed")
  end

  -- How many items of a step may fail: as its plan says, all unless it does.
  local function toleratedOf(expansion)
    local tolerated = expansion.plan[EXPANDS.tolerated]
    if tolerated == nil then return expansion[ITEMS.items] end
    return tolerated.count or math.floor(expansion[ITEMS.items] * tolerated.share / 100)
  end

  -- The first failed items, in order, each with its error: texts with U+001F behind each.
  local MAX_NAMED = 10

  local function name(expansion, item, err)
    local named = {}
    for number_, error_ in string.gmatch(get(expansion.hash, ITEMS.firstFailed) or '', '(%d+)\31([^\31]*)\31') do
      named[#named + 1] = { tonumber(number_), error_ }
    end
    if #named == MAX_NAMED and item > named[MAX_NAMED][1] then return end
    local place = #named + 1
    while place > 1 and named[place - 1][1] > item do place = place - 1 end
    table.insert(named, place, { item, err })
    named[MAX_NAMED + 1] = nil
    local texts = {}
    for _, one in ipairs(named) do texts[#texts + 1] = fmt(one[1]) .. '\31' .. one[2] .. '\31' end
    set(expansion.hash, ITEMS.firstFailed, table.concat(texts))
  end

  -- Why a step fails that has failed items; nothing when it goes on.
  local function problemOf(expansion)
    local step = quote(stepOf(expansion.run, expansion.index)[STEP.name])
    if expansion[ITEMS.resultBytes] > maxValueBytes then return '{"#":"large","step":' .. step .. '}' end
    if expansion[ITEMS.failedItems] == 0 or (expansion.plan[EXPANDS.onFailure] == ITEM_POLICY.collect and expansion[ITEMS.endedUnits] < expansion[ITEMS.units]) then return nil end
    local tolerated = toleratedOf(expansion)
    if expansion[ITEMS.failedItems] <= tolerated then return nil end
    local items, cause = {}, nil
    for number_, error_ in string.gmatch(get(expansion.hash, ITEMS.firstFailed), '(%d+)\31([^\31]*)\31') do
      items[#items + 1] = number_
      cause = cause or error_
    end
    return '{"#":"items","step":' .. step .. ',"failed":' .. fmt(expansion[ITEMS.failedItems]) .. ',"count":' .. fmt(expansion[ITEMS.items])
      .. ',"tolerated":' .. fmt(tolerated) .. ',"items":[' .. table.concat(items, ',') .. '],"cause":' .. cause .. '}'
  end

  -- Units have ended, or are there: the step fails, completes, or goes on.
  function goOn(expansion)
    local run, index = expansion.run, expansion.index
    local problem = problemOf(expansion)
    if problem then return failStep(run, index, expansion[ITEMS.attempt], expansion[ITEMS.started], problem) end
    progress(run, index, expansion[ITEMS.attempt], expansion[ITEMS.endedItems], expansion[ITEMS.items])
    if expansion[ITEMS.endedUnits] < expansion[ITEMS.units] then return requeue(expansion) end
    local attempts, started = expansion[ITEMS.attempt], expansion[ITEMS.started]
    local more = {}
    if expansion[ITEMS.memoisedItems] > 0 then more[#more + 1] = '"memoisedItems":' .. fmt(expansion[ITEMS.memoisedItems]) end
    if expansion[ITEMS.failedItems] > 0 then more[#more + 1] = '"itemsFailed":' .. fmt(expansion[ITEMS.failedItems]) end
    local how = #more > 0 and (',{' .. table.concat(more, ',') .. '}') or ''
    local outputs = resultOf(expansion)
    if expansion[ITEMS.failedItems] > 0 then set(run, OF_STEP.items .. index, 'k') else dropItems(run, index) end
    completeStep(run, index, attempts, started, outputs, how)
  end

  function completeItem(run, index, item, attempts, outputs, isMemoised)
    local expansion = itemsOf(run, index)
    endUnit(expansion, item, END.completed, attempts, outputs)
    if isMemoised then alter(expansion, ITEMS.memoisedItems, expansion[ITEMS.memoisedItems] + sizeOf(expansion, item)) end
    goOn(expansion)
  end

  -- Items of a unit have failed for good; the outputs are those of its others. `errors` are of single items: the item's
  -- number and its error, one after the other.
  function failItems(run, index, item, attempts, outputs, failedCount, errors)
    local expansion = itemsOf(run, index)
    endUnit(expansion, item, END.failed, attempts, outputs)
    alter(expansion, ITEMS.failedItems, expansion[ITEMS.failedItems] + failedCount)
    if expansion[ITEMS.errors] < BOUND.itemErrors then
      alter(expansion, ITEMS.errors, expansion[ITEMS.errors] + 1)
      set(expansion.hash, ITEMS.error .. text[item], errors[2])
    end
    if expansion.plan[EXPANDS.onFailure] == nil then return failStep(run, index, attempts, expansion[ITEMS.started], errors[2]) end
    for k = 1, #errors, 2 do
      name(expansion, tonumber(errors[k]), errors[k + 1])
      if expansion[ITEMS.failureEvents] < BOUND.itemErrors then
        alter(expansion, ITEMS.failureEvents, expansion[ITEMS.failureEvents] + 1)
        pushEvent(run, '["' .. EVENT.itemFailed .. '",' .. nowText .. ',' .. index .. ',' .. attempts .. ',' .. errors[k] .. ',' .. errors[k + 1] .. ']')
      end
    end
    goOn(expansion)
  end

  -- A unit could not be run to its end: all of its items have failed with the same error.
  function failUnit(run, index, item, attempts, err)
    local expansion = itemsOf(run, index)
    local size = sizeOf(expansion, item)
    if expansion.plan[EXPANDS.onFailure] == nil then return failItems(run, index, item, attempts, {}, size, { fmt(item * expansion[ITEMS.unitSize]), err }) end
    local errors = {}
    local before, after = string.match(err, '^(.*),"item":%d+(.*)$')
    if not before then before, after = string.sub(err, 1, -2), '}' end
    for at_ = 0, math.min(size, BOUND.unitErrors) - 1 do
      local number_ = fmt(item * expansion[ITEMS.unitSize] + at_)
      errors[#errors + 1] = number_
      errors[#errors + 1] = before .. ',"item":' .. number_ .. after
    end
    failItems(run, index, item, attempts, {}, size, errors)
  end

  -- A unit gives what another attempt gave for the same inputs.
  function remember(run, index, item, outputs)
    if isOver(run) or isStepOver(run, index) then return end
    local attempts = lookAt(run, index, item)[RECORD.attempts]
    dropUnit(run, index, item)
    if item then return completeItem(run, index, item, attempts, outputs, true) end
    begin(run)
    pushEvent(run, '["' .. EVENT.stepStarted .. '",' .. nowText .. ',' .. index .. ',' .. attempts .. ']')
    completeStep(run, index, attempts, now, outputs, ',{"memoised":true}')
  end

  -- A unit that has lost so many workers runs alone.
  function isLone(unit) return unit[RECORD.losses] >= math.max(1, maxLosses - 1) end

  -- A unit can be lent again: it was given back, or has waited for its next attempt.
  function again(run, index, item)
    if isLone(lookAt(run, index, item)) then
      readyAlone(refOf(run, index, item), run.kind.queue)
    elseif item == nil then
      ready(refOf(run, index), run.kind.queue)
    else
      local expansion = itemsOf(run, index)
      if expansion then
        againItem(expansion, item)
        requeue(expansion)
      end
    end
  end

  -- What leases have in common that were granted in one act: when, in which phase, whether they hold limits, to which worker.
  local grantOf = remembering(function(tail)
    local started, phase, held, worker = string.match(tail, '^(%d+)|(%a)|(%d)|(.*)$')
    local upper = string.upper(phase)
    return { started = tonumber(started), phase = upper, isAlone = phase ~= upper, isHolding = held == '1', worker = worker }
  end)

  -- What is read of a run to settle a step of it: its lease, and how many inputs those have that wait for it, as far as
  -- these are known.
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

  -- Ends a lease, of which the worker has the token. Gives what is known of it, or nothing where the token is stale. Of a step
  -- that is about to be completed, the lease is overwritten then.
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
      -- Stopped after it was told to: what it held is free.
      local limits = call('HGET', prefix .. KEY.stopping, member)
      if limits then
        later('HDEL', prefix .. KEY.stopping, member)
        depart(keyOf[KEY.leases], member)
        give(cjson.decode(limits), ref)
      end
      return nil
    end
    local step, grant = stepOf(run, index), grantOf[tail]
    local expansion = item and itemsOf(run, index)
    local isStale = isOver(run) or (item and not expansion) or isStepOver(run, index)
    if item ~= nil then set(hash, field, false) elseif isStale or not isCompleted then set(hash, field, '') end
    depart(keyOf[KEY.leases], member)
    if grant.isHolding then give(limitsOf(step, lookAt(run, index, item)), ref) end
    if isStale then return nil end
    if expansion then alter(expansion, ITEMS.lent, expansion[ITEMS.lent] - 1) elseif not isLearnt[index] then learnSettled(run, index) end
    return {
      run = run, index = index, item = item, step = step, expansion = expansion, worker = grant.worker, phase = grant.phase,
      isAlone = grant.isAlone, attempt = number[attempt], started = grant.started
    }
  end

  -- The unit has ended an attempt and is to have another one.
  function keepAttempt(lease)
    local unit = unitOf(lease.run, lease.index, lease.item)
    if lease.phase ~= PHASE.probe then
      if lease.attempt == 1 then unit[RECORD.started] = lease.started end
      unit[RECORD.attempts] = lease.attempt
    end
    return unit
  end

  local function aboutItem(lease, item)
    if lease.expansion then return ',' .. (item or fmt(lease.item * lease.expansion[ITEMS.unitSize])) end
    return ''
  end

  function released(lease, reason)
    local run = lease.run
    keepAttempt(lease)
    keepUnit(run, lease.index, lease.item)
    if lease.phase ~= PHASE.probe then
      pushOfUnit(run, lease.index, lease.item, '["' .. EVENT.stepReleased .. '",' .. nowText .. ',' .. lease.index .. ',' .. lease.attempt .. ',' .. reason .. aboutItem(lease) .. ']')
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
    pushOfUnit(run, lease.index, lease.item, '["' .. EVENT.stepRetried .. '",' .. nowText .. ',' .. lease.index .. ',' .. lease.attempt .. ',' .. fmt(wait) .. ',' .. err .. aboutItem(lease, item) .. ']')
    if wait > 0 then
      unit[RECORD.isDue] = 1
      dueAt(now + wait, DUE.unit .. refOf(run, lease.index, lease.item))
      if lease.expansion then requeue(lease.expansion) end
    else
      again(run, lease.index, lease.item)
    end
    keepUnit(run, lease.index, lease.item)
  end

  -- A lease has ended without its worker. It counts against the unit, which fails for it when it had the worker to itself.
  function lost(lease)
    local run = lease.run
    local unit = unitOf(run, lease.index, lease.item)
    unit[RECORD.losses] = unit[RECORD.losses] + 1
    -- Nor is the worker there to be woken, as it may be said to be: one that is there gets the step at once.
    if not lostWorkers[lease.worker] then
      lostWorkers[lease.worker] = true
      for _, digest in ipairs(call('SMEMBERS', prefix .. KEY.digests)) do zrem(prefix .. KEY.idle .. digest, lease.worker) end
    end
    if unit[RECORD.losses] < maxLosses or not lease.isAlone then
      return released(lease, quote("worker '" .. lease.worker .. "' did not renew its lease"))
    end
    local name = lease.step[STEP.name]
    local item = lease.expansion and (',"item":' .. fmt(lease.item * lease.expansion[ITEMS.unitSize])) or ''
    local err = '{"#":"lost","step":' .. quote(name) .. ',"losses":' .. unit[RECORD.losses] .. item .. '}'
    later('LPUSH', prefix .. KEY.dead, '[' .. nowText .. ',' .. quote(run.id) .. ',' .. quote(name) .. ']')
    later('LTRIM', prefix .. KEY.dead, 0, 999)
    failed(lease, err)
  end
end
