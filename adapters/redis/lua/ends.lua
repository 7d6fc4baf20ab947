-- Begins, ends and forgets runs.
local begin, finished, finishAs, fail, lose, openRun, admit, admitNext, endedMember, forget, retain
do
  local RUN_STARTED = '["' .. EVENT.runStarted .. '",' .. nowText .. ']'

  function begin(run)
    if run.status ~= STATUS.pending then return end
    setHead(run, 'status', STATUS.running)
    pushEvent(run, RUN_STARTED)
  end

  -- The format of a lease: see WORK in Codes.ts.
  local LEASE = '^(%d+)|(%d+)|(%d+)|(%a)|(%d)|(.*)$'

  -- Revokes a lease and notifies its worker. The lease holds its limits until the worker has stopped.
  local function revoke(run, index, item)
    local hash, field = leaseField(run, index, item)
    local token, _, _, _, held, worker = string.match(get(hash, field) or '', LEASE)
    if not token then return end
    local member = refOf(run, index, item) .. '|' .. token
    set(hash, field, item == nil and '' or false)
    if held == '1' then
      later('HSET', prefix .. KEY.stopping, member, cjson.encode(limitsOf(stepOf(run, index), lookAt(run, index, item))))
    else
      depart(keyOf[KEY.leases], member)
    end
    revocations[#revocations + 1] = { worker, token }
  end

  -- Ends the lease and the waits of a unit. The lease first, because revoking it needs the limits in the unit's record.
  local function clearUnit(run, index, item)
    revoke(run, index, item)
    local unit = lookAt(run, index, item)
    if unit == FRESH then return end
    local ref = refOf(run, index, item)
    if unit[RECORD.line] then leave(unit[RECORD.line], ref) end
    if unit[RECORD.isDue] then zrem(prefix .. KEY.due, DUE.unit .. ref) end
    -- It was woken for a free place that it won't take, so the next waiter is woken.
    if unit[RECORD.waitsSince] and not unit[RECORD.line] then pass(limitsOf(stepOf(run, index), unit)) end
    dropUnit(run, index, item)
  end

  -- Clears the steps of a run that has ended.
  kinds.clear = {
    isOfEnded = true,
    size = function(run) return run.plan.size end,
    each = function(run, _, place)
      local index = text[place - 1]
      -- Reads 100 steps in one call.
      if place % 100 == 1 then
        local fields = {}
        for other = place - 1, math.min(place + 98, run.plan.size - 1) do
          fields[#fields + 1] = leaseOf[text[other]]
          if has(run, RUN.records) then fields[#fields + 1] = WORK.record .. text[other] end
          if has(run, RUN.itemSteps) then fields[#fields + 1] = OF_STEP.items .. text[other] end
        end
        getAll(run, fields)
      end
      clearUnit(run, index, nil)
      if has(run, RUN.itemSteps) and get(run, OF_STEP.items .. index) then enter(run, 'clearItems', index) end
    end
  }

  -- Clears a step that has ended without an outcome. The run may go on.
  kinds.clearStep = {
    isOfEnded = true,
    each = function(run, index)
      clearUnit(run, index, nil)
      if has(run, RUN.itemSteps) and get(run, OF_STEP.items .. index) then enter(run, 'clearItems', index) end
    end
  }

  -- Clears the work on the units of a step. Their items and results stay, for readers and for a retry.
  kinds.clearItems = {
    isOfEnded = true,
    size = function(run, index)
      local items = itemsOf(run, index)
      return items and items[ITEMS.nextUnit] or 0
    end,
    each = function(run, index, place)
      if place == 1 then
        local items = itemsOf(run, index)
        items.again, items.popped = {}, 0
        later('UNLINK', prefix .. KEY.itemsAgain .. run.id .. ':' .. index)
      end
      local hash = itemHashOf(run, index)
      if place % 100 == 1 then
        local fields = {}
        for item = place - 1, place + 98 do
          fields[#fields + 1] = leaseOf[text[item]]
          fields[#fields + 1] = WORK.record .. text[item]
        end
        getAll(hash, fields)
      end
      clearUnit(run, index, place - 1)
    end
  }

  finished = {}

  local function settleEnd(run)
    local due = optional(run, RUN.due)
    if due then
      if string.find(due, DUE.start, 1, true) then zrem(prefix .. KEY.due, DUE.start .. run.id) end
      if string.find(due, DUE.timeout, 1, true) then zrem(prefix .. KEY.due, DUE.timeout .. run.id) end
    end
    local limits = optional(run, RUN.limits)
    if limits then
      limits = cjson.decode(limits)
      local line = optional(run, RUN.line)
      if optional(run, RUN.holdsLimits) == '1' then give(limits, run.id)
      elseif line then leave(line, run.id)
      elseif optional(run, RUN.waitsSince) then pass(limits) end
    end
    local schedule = optional(run, RUN.schedule)
    if schedule then memberIn(sets, prefix .. KEY.scheduleRuns .. schedule, run.id, false) end
    finished[#finished + 1] = run
  end

  -- For the mender, when Redis has refused a part of a run's end.
  kinds.settleEnd = { isOfEnded = true, each = settleEnd }

  function finishAs(run, status, event)
    setHead(run, 'status', status)
    pushEvent(run, event)
    if status ~= STATUS.completed then enter(run, 'clear') end
    settleEnd(run)
  end

  function fail(run, err) finishAs(run, STATUS.failed, '["' .. EVENT.runFailed .. '",' .. nowText .. ',' .. err .. ']') end

  -- Ends a run when all of its steps have ended.
  kinds.finish = {
    each = function(run)
      if run.stepsLeft > 0 then return end
      local err = optional(run, RUN.firstError)
      if err and (run.kind.policy ~= POLICY.skip or optional(run, RUN.lacksVital)) then
        fail(run, err)
      else
        begin(run)
        finishAs(run, STATUS.completed, '["' .. EVENT.runCompleted .. '",' .. nowText .. ']')
      end
    end
  }

  -- A step has ended without its outputs.
  function lose(run, index, err, reason)
    if not optional(run, RUN.firstError) then setOptional(run, RUN.firstError, err) end
    local policy = run.kind.policy
    if policy == POLICY.failFast then return fail(run, err) end
    setHead(run, 'hasLost', true)
    over(run, index)
    enter(run, 'spread', index, { cause = 'failure', reason = quote(reason), all = policy == POLICY.continue })
    enter(run, 'clearStep', index)
    enter(run, 'finish')
  end

  function openRun(run)
    setHead(run, 'isOpen', true)
    if run.stepsLeft == 0 then return enter(run, 'finish') end
    if optional(run, RUN.wasReleased) then
      enter(run, 'reopen')
    elseif #run.plan.first <= BOUND.looks then
      for _, index in ipairs(run.plan.first) do ready(run.id .. ':' .. index, run.kind.queue) end
    else
      enter(run, 'open')
    end
  end

  -- Makes a unit ready that has waited until its run holds its limits.
  local function unpark(run, index, item)
    local unit = lookAt(run, index, item)
    if unit[RECORD.line] ~= '@' then return end
    unit[RECORD.line] = nil
    keepUnit(run, index, item)
    if not isStepOver(run, index) then readyFirst(refOf(run, index, item), run.kind.queue) end
  end

  kinds.unpark = {
    size = function(run) return run.plan.size end,
    each = function(run, _, place)
      local index = text[place - 1]
      if has(run, RUN.records) then unpark(run, index, nil) end
      if has(run, RUN.itemSteps) and get(run, OF_STEP.items .. index) then enter(run, 'unparkItems', index) end
    end
  }

  kinds.unparkItems = {
    size = function(run, index)
      local items = itemsOf(run, index)
      return items and items[ITEMS.hasRecords] == 1 and items[ITEMS.nextUnit] or 0
    end,
    each = function(run, index, place) unpark(run, index, place - 1) end
  }

  -- Begins a run, or goes on with the units that waited for its limits.
  local function goOn(run)
    if run.isOpen then enter(run, 'unpark') else openRun(run) end
  end

  -- Begins a run, or puts it into the line of a limit.
  function admit(run)
    local limits = optional(run, RUN.limits)
    if limits then
      limits = cjson.decode(limits)
      local line, since = take(limits, run.id, run.id, 'run', run.kind.priority, optional(run, RUN.waitsSince))
      if line then
        setOptional(run, RUN.line, line)
        setOptional(run, RUN.waitsSince, fmt(since))
        return
      end
      setOptional(run, RUN.holdsLimits, '1')
    end
    goOn(run)
  end

  -- Begins the runs whose turn has come. A run whose version no worker has begins without its limits, so that the next run gets
  -- them.
  function admitNext()
    while #admissible > 0 do
      local run = table.remove(admissible, 1)
      if isOver(run) then
        pass(cjson.decode(optional(run, RUN.limits)))
      elseif isAbandoned(run.plan.version) then
        setOptional(run, RUN.holdsLimits, '0')
        pass(cjson.decode(optional(run, RUN.limits)))
        goOn(run)
      else
        admit(run)
      end
    end
  end

  -- -- retention ----------------------------------------------------------------------------------------------------------

  -- The member of KEY.ended for a run: plan, id and status, and whether it has keys besides its own hash.
  function endedMember(run)
    local more = (has(run, RUN.itemSteps) or has(run, RUN.references)) and 'x' or ''
    return run.kind.digest .. ' ' .. run.id .. ' ' .. run.status .. more
  end

  -- Forgets runs, by their members of KEY.ended.
  function forget(members)
    local byPlan = {}
    local isTorn = call('EXISTS', prefix .. KEY.torn) == 1
    for _, member in ipairs(members) do
      local digest, id, status, more = string.match(member, '^(%x+) (.*) (%a)(x?)$')
      local plan = planOf(digest)
      local pipeline = plan and plan.pipeline
      local indices = { KEY.all }
      if isTorn then
        indices = { KEY.all, KEY.unfinished, KEY.running, KEY.failed, KEY.cancelled }
      elseif status == STATUS.failed then
        indices[2] = KEY.failed
      elseif status == STATUS.cancelled then
        indices[2] = KEY.cancelled
      end
      for _, index in ipairs(indices) do
        depart(prefix .. index, id)
        if pipeline then depart(prefix .. index .. ':' .. pipeline, id) end
      end
      if more == 'x' then
        local run = open(id)
        if run then
          for index in string.gmatch(optional(run, RUN.itemSteps) or '', '(%d+),') do
            local of = id .. ':' .. index
            later('UNLINK', prefix .. KEY.items .. of, prefix .. KEY.itemsAgain .. of, prefix .. KEY.itemWork .. of)
          end
          for reference in string.gmatch(optional(run, RUN.references) or '', '([^\n]+)\n') do
            zadd(prefix .. KEY.gone, nowText, reference)
          end
        end
      end
      hashes[prefix .. KEY.run .. id] = nil
      runs[id] = false
      forgotten.members[#forgotten.members + 1] = member
      forgotten.keys[#forgotten.keys + 1] = prefix .. KEY.run .. id
      forgotten.keys[#forgotten.keys + 1] = prefix .. KEY.lines .. id
      byPlan[digest] = (byPlan[digest] or 0) + 1
    end
    for digest, uses in pairs(byPlan) do
      local key = prefix .. KEY.plan .. digest
      local found = call('HMGET', key, PLAN.runs, PLAN.isUncertain)
      local left = tonumber(found[1] or 0) - uses
      if left <= 0 and not found[2] then
        forgotten.plans[#forgotten.plans + 1] = digest
      else
        later('HINCRBY', key, PLAN.runs, -uses)
      end
    end
  end

  -- Forgets runs beyond the bounds; the run that ended first goes first. In batches, because that is
  -- cheaper: up to a tenth more runs than `historyCount`, at most 100 more, may exist meanwhile. Runs that ended in the last
  -- two seconds stay, because a waiting caller may still read them.
  function retain(historyCount, historyMillis, most)
    local past = call('ZCARD', keyOf[KEY.ended]) - historyCount
    if past > math.min(100, historyCount / 10) then
      local old = call('ZRANGEBYSCORE', keyOf[KEY.ended], '-inf', fmt(now - 2000), 'LIMIT', 0, math.min(past, most))
      if #old > 0 then return forget(old) end
    end
    if historyMillis > 0 then
      local old = call('ZRANGEBYSCORE', keyOf[KEY.ended], '-inf', fmt(now - historyMillis), 'LIMIT', 0, most)
      if #old > 0 then forget(old) end
    end
  end
end
