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
    local key = P .. 'memo:' .. unit.m
    local json = #outputs == 0 and '[]' or cjson.encode(outputs)
    memosCount = memosCount or call('ZCARD', P .. 'memos')
    if not memos[unit.m] and not call('ZSCORE', P .. 'memos', unit.m) then memosCount = memosCount + 1 end
    memos[unit.m] = outputs
    if unit.e > 0 then later('SET', key, json, 'PX', fmt(unit.e)) else later('SET', key, json) end
    zadd(P .. 'memos', at, unit.m)
    local past = memosCount - memoCount
    if past > 0 then
      past = math.min(past, MAX_LOOKS)
      memosCount = memosCount - past
      memosGone = memosGone + past
      for _, oldest in ipairs(call('ZRANGE', P .. 'memos', memosGone - past, memosGone - 1)) do
        zrem(P .. 'memos', oldest)
        later('UNLINK', P .. 'memo:' .. oldest)
      end
    end
  end

  function recall(memo)
    local known = memos[memo]
    if known == nil then
      local json = call('GET', P .. 'memo:' .. memo)
      known = json and cjson.decode(json) or false
      memos[memo] = known
    end
    if known then zadd(P .. 'memos', at, memo) end
    return known
  end

  function bytesOfOutputs(outputs)
    local bytes = 0
    for k = 2, #outputs, 2 do bytes = bytes + #outputs[k] end
    return bytes
  end

  local COMPLETED = '["SC",' .. at .. ','

  function completeStep(r, i, attempt, started, outputs, more, arm)
    local given = opt(r, 'G')
    given = given and cjson.decode(given)
    local names = ''
    for k = 1, #outputs, 2 do
      local name = outputs[k]
      if not (given and given[name]) then
        names = names == '' and quoted[name] or (names .. ',' .. quoted[name])
        keepValue(r, name, outputs[k + 1])
      end
    end
    set(r, leaseOf[i], '+')
    push(r, COMPLETED .. i .. ',' .. text[attempt] .. ',' .. text[now - started] .. ',[' .. names .. ']' .. more .. ']')
    countDown(r, i, arm)
  end

  function failStep(r, i, attempt, started, err)
    local x = itemsOf(r, i)
    if x then started = x.t end
    local failedItems = x and x.plan.h and x.f > 0 and (',' .. fmt(x.f)) or ''
    push(r, '["SF",' .. at .. ',' .. i .. ',' .. attempt .. ',' .. fmt(now - started) .. ',' .. err .. failedItems .. ']')
    lose(r, i, err, "step '" .. stepOf(r, i).n .. "' failed")
  end

  -- How many items of a step may fail: as its plan says, all unless it does.
  local function toleratedOf(x)
    local tolerated = x.plan.t
    if tolerated == nil then return x.n end
    return tolerated.count or math.floor(x.n * tolerated.share / 100)
  end

  -- The first failed items, in order, each with its error: texts with U+001F behind each.
  local MAX_NAMED = 10

  local function name(x, item, err)
    local named = {}
    for number_, error_ in string.gmatch(get(x.hash, 'h') or '', '(%d+)\31([^\31]*)\31') do
      named[#named + 1] = { tonumber(number_), error_ }
    end
    if #named == MAX_NAMED and item > named[MAX_NAMED][1] then return end
    local place = #named + 1
    while place > 1 and named[place - 1][1] > item do place = place - 1 end
    table.insert(named, place, { item, err })
    named[MAX_NAMED + 1] = nil
    local texts = {}
    for _, one in ipairs(named) do texts[#texts + 1] = fmt(one[1]) .. '\31' .. one[2] .. '\31' end
    set(x.hash, 'h', table.concat(texts))
  end

  -- Why a step fails that has failed items; nothing when it goes on.
  local function problemOf(x)
    local step = quote(stepOf(x.r, x.i).n)
    if x.L > maxValueBytes then return '{"#":"large","step":' .. step .. '}' end
    if x.f == 0 or (x.plan.h == 'c' and x.D < x.N) then return nil end
    local tolerated = toleratedOf(x)
    if x.f <= tolerated then return nil end
    local items, cause = {}, nil
    for number_, error_ in string.gmatch(get(x.hash, 'h'), '(%d+)\31([^\31]*)\31') do
      items[#items + 1] = number_
      cause = cause or error_
    end
    return '{"#":"items","step":' .. step .. ',"failed":' .. fmt(x.f) .. ',"count":' .. fmt(x.n)
      .. ',"tolerated":' .. fmt(tolerated) .. ',"items":[' .. table.concat(items, ',') .. '],"cause":' .. cause .. '}'
  end

  -- Units have ended, or are there: the step fails, completes, or goes on.
  function goOn(x)
    local r, i = x.r, x.i
    local problem = problemOf(x)
    if problem then return failStep(r, i, x.a, x.t, problem) end
    progress(r, i, x.a, x.d, x.n)
    if x.D < x.N then return requeue(x) end
    local attempts, started = x.a, x.t
    local more = {}
    if x.m > 0 then more[#more + 1] = '"memoisedItems":' .. fmt(x.m) end
    if x.f > 0 then more[#more + 1] = '"itemsFailed":' .. fmt(x.f) end
    local how = #more > 0 and (',{' .. table.concat(more, ',') .. '}') or ''
    local outputs = resultOf(x)
    if x.f > 0 then set(r, 'E' .. i, 'k') else dropItems(r, i) end
    completeStep(r, i, attempts, started, outputs, how)
  end

  function completeItem(r, i, item, attempts, outputs, isMemoised)
    local x = itemsOf(r, i)
    endUnit(x, item, '+', attempts, outputs)
    if isMemoised then alter(x, 'm', x.m + sizeOf(x, item)) end
    goOn(x)
  end

  -- Items of a unit have failed for good; the outputs are those of its others. `errors` are of single items: the item's
  -- number and its error, one after the other.
  function failItems(r, i, item, attempts, outputs, failedCount, errors)
    local x = itemsOf(r, i)
    endUnit(x, item, '-', attempts, outputs)
    alter(x, 'f', x.f + failedCount)
    if x.F < MAX_ITEM_ERRORS then
      alter(x, 'F', x.F + 1)
      set(x.hash, 'e' .. text[item], errors[2])
    end
    if x.plan.h == nil then return failStep(r, i, attempts, x.t, errors[2]) end
    for k = 1, #errors, 2 do
      name(x, tonumber(errors[k]), errors[k + 1])
      if x.o < MAX_ITEM_ERRORS then
        alter(x, 'o', x.o + 1)
        push(r, '["SI",' .. at .. ',' .. i .. ',' .. attempts .. ',' .. errors[k] .. ',' .. errors[k + 1] .. ']')
      end
    end
    goOn(x)
  end

  -- A unit could not be run to its end: all of its items have failed with the same error.
  function failUnit(r, i, item, attempts, err)
    local x = itemsOf(r, i)
    local size = sizeOf(x, item)
    if x.plan.h == nil then return failItems(r, i, item, attempts, {}, size, { fmt(item * x.z), err }) end
    local errors = {}
    local before, after = string.match(err, '^(.*),"item":%d+(.*)$')
    if not before then before, after = string.sub(err, 1, -2), '}' end
    for at_ = 0, math.min(size, MAX_UNIT_ERRORS) - 1 do
      local number_ = fmt(item * x.z + at_)
      errors[#errors + 1] = number_
      errors[#errors + 1] = before .. ',"item":' .. number_ .. after
    end
    failItems(r, i, item, attempts, {}, size, errors)
  end

  -- A unit gives what another attempt gave for the same inputs.
  function remember(r, i, item, outputs)
    if isOver(r) or isStepOver(r, i) then return end
    local attempts = lookAt(r, i, item).a
    dropUnit(r, i, item)
    if item then return completeItem(r, i, item, attempts, outputs, true) end
    begin(r)
    push(r, '["SS",' .. at .. ',' .. i .. ',' .. attempts .. ']')
    completeStep(r, i, attempts, now, outputs, ',{"memoised":true}')
  end

  -- A unit that has lost so many workers runs alone.
  function isLone(unit) return unit.l >= math.max(1, maxLosses - 1) end

  -- A unit can be lent again: it was given back, or has waited for its next attempt.
  function again(r, i, item)
    if isLone(lookAt(r, i, item)) then
      readyAlone(refOf(r, i, item), r.kind.queue)
    elseif item == nil then
      ready(refOf(r, i), r.kind.queue)
    else
      local x = itemsOf(r, i)
      if x then
        againItem(x, item)
        requeue(x)
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
  local settled = remembering(function(i) return { 'h', 'm', leaseOf[i] } end)
  local isLearnt = {}

  local function learnSettled(r, i)
    isLearnt[i] = true
    local fields = settled[i]
    local releases = stepOf(r, i).r
    for k = 1, math.min(#releases, 10) do
      local other = releases[k]
      if stepOf(r, other).w > 1 then fields[#fields + 1] = 'w' .. other end
    end
  end

  local function openToSettle(id, i, item)
    local r = runs[id]
    if r == nil then r = openWith(id, item and HEAD or settled[i]) end
    return r
  end

  -- Ends a lease, of which the worker has the token. Gives what is known of it, or nothing where the token is stale. Of a step
  -- that is about to be completed, the lease is overwritten then.
  function endLease(ref, token, isCompleted)
    local id, i, item = parse(ref)
    local r = openToSettle(id, i, item)
    local member = ref .. '|' .. token
    local mine, attempt, tail, hash, field
    if r then
      hash, field = leaseField(r, i, item)
      mine, attempt, tail = string.match(get(hash, field) or '', '^(%d+)|(%d+)|(.*)$')
    end
    if mine ~= token then
      -- Stopped after it was told to: what it held is free.
      local limits = call('HGET', P .. 'stopping', member)
      if limits then
        later('HDEL', P .. 'stopping', member)
        depart(keyOf.leases, member)
        give(cjson.decode(limits), ref)
      end
      return nil
    end
    local step, grant = stepOf(r, i), grantOf[tail]
    local x = item and itemsOf(r, i)
    local isStale = isOver(r) or (item and not x) or isStepOver(r, i)
    if item ~= nil then set(hash, field, false) elseif isStale or not isCompleted then set(hash, field, '') end
    depart(keyOf.leases, member)
    if grant.isHolding then give(limitsOf(step, lookAt(r, i, item)), ref) end
    if isStale then return nil end
    if x then alter(x, 'l', x.l - 1) elseif not isLearnt[i] then learnSettled(r, i) end
    return {
      r = r, i = i, item = item, step = step, x = x, worker = grant.worker, phase = grant.phase,
      isAlone = grant.isAlone, attempt = number[attempt], started = grant.started
    }
  end

  -- The unit has ended an attempt and is to have another one.
  function keepAttempt(lease)
    local unit = unitOf(lease.r, lease.i, lease.item)
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

  function released(lease, reason)
    local r = lease.r
    keepAttempt(lease)
    keepUnit(r, lease.i, lease.item)
    if lease.phase ~= 'P' then
      pushOfUnit(r, lease.i, lease.item, '["SL",' .. at .. ',' .. lease.i .. ',' .. lease.attempt .. ',' .. reason .. aboutItem(lease) .. ']')
    end
    again(r, lease.i, lease.item)
  end

  function failed(lease, err)
    local r = lease.r
    if lease.item then return failUnit(r, lease.i, lease.item, lease.attempt, err) end
    if lease.phase == 'P' then
      begin(r)
      push(r, '["SS",' .. at .. ',' .. lease.i .. ',0]')
    end
    failStep(r, lease.i, lease.attempt, lease.started, err)
  end

  function retried(lease, err, wait, item)
    local r = lease.r
    local unit = keepAttempt(lease)
    unit.f = unit.f + 1
    pushOfUnit(r, lease.i, lease.item, '["SR",' .. at .. ',' .. lease.i .. ',' .. lease.attempt .. ',' .. fmt(wait) .. ',' .. err .. aboutItem(lease, item) .. ']')
    if wait > 0 then
      unit.d = 1
      dueAt(now + wait, 'u' .. refOf(r, lease.i, lease.item))
      if lease.x then requeue(lease.x) end
    else
      again(r, lease.i, lease.item)
    end
    keepUnit(r, lease.i, lease.item)
  end

  -- A lease has ended without its worker. It counts against the unit, which fails for it when it had the worker to itself.
  function lost(lease)
    local r = lease.r
    local unit = unitOf(r, lease.i, lease.item)
    unit.l = unit.l + 1
    -- Nor is the worker there to be woken, as it may be said to be: one that is there gets the step at once.
    if not lostWorkers[lease.worker] then
      lostWorkers[lease.worker] = true
      for _, digest in ipairs(call('SMEMBERS', P .. 'digests')) do zrem(P .. 'idle:' .. digest, lease.worker) end
    end
    if unit.l < maxLosses or not lease.isAlone then
      return released(lease, quote("worker '" .. lease.worker .. "' did not renew its lease"))
    end
    local name = lease.step.n
    local item = lease.x and (',"item":' .. fmt(lease.item * lease.x.z)) or ''
    local err = '{"#":"lost","step":' .. quote(name) .. ',"losses":' .. unit.l .. item .. '}'
    later('LPUSH', P .. 'dead', '[' .. at .. ',' .. quote(r.id) .. ',' .. quote(name) .. ']')
    later('LTRIM', P .. 'dead', 0, 999)
    failed(lease, err)
  end
end
