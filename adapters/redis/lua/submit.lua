-- Records a run. Arguments from `from` on: id, plan, steps left, policy, priority, number of values, name and text of each
-- value, number of extras, letter and text of each extra: see EXTRA.
--
-- Read once for all runs of one act: the last place in the order of submission, and the number of unfinished runs. Collected:
-- how many runs each plan gets, and the runs of idempotency keys.
local order, unfinished
local used, named = {}, {}

-- The index behind the last argument of a run.
local function pastOf(from)
  local extras = from + 6 + 2 * tonumber(ARGV[from + 5])
  return extras + 1 + 2 * tonumber(ARGV[extras])
end

-- Returns nil when the run is recorded. Otherwise NAMED, with the run that has its idempotency key, that run's fingerprint and
-- whether it exists; or PLAN; or FULL.
local function submit(from, maxUnfinished, keyMillis)
  local id, digest = ARGV[from], ARGV[from + 1]
  local size = tonumber(ARGV[from + 5])
  local firstExtra, past = from + 7 + 2 * size, pastOf(from)
  local more
  if firstExtra < past then
    more = {}
    for at = firstExtra, past - 1, 2 do more[ARGV[at]] = ARGV[at + 1] end
  end
  local plan = planOf(digest)
  if not plan then return { 'PLAN' } end
  local name = more and more[EXTRA.key] and (plan.pipeline .. '\n' .. more[EXTRA.key])
  local nameKey = name and (prefix .. KEY.named .. name)
  if name then
    if named[nameKey] == nil then named[nameKey] = call('GET', nameKey) end
    if named[nameKey] then
      local other, fingerprint = string.match(named[nameKey], '^([^\n]*)\n(.*)$')
      return { 'NAMED', other, fingerprint, open(other) and 1 or 0 }
    end
  end
  -- A client whose connection broke before the reply sends the same run again.
  if open(id) then return nil end
  if unfinished == nil then
    -- Only a check that the key is a sorted set, so that the act fails here and not halfway through its writes.
    call('ZCARD', keyOf[KEY.all])
    unfinished = call('ZCARD', keyOf[KEY.unfinished])
    order = tonumber(call('GET', prefix .. KEY.order) or 0)
  end
  if unfinished >= maxUnfinished then return { 'FULL' } end
  unfinished = unfinished + 1
  used[digest] = (used[digest] or 0) + 1
  -- The last digits order runs of the same millisecond. With too many runs they continue into the next millisecond.
  order = math.max(now * BOUND.perMilli, order + 1)
  local place = fmt(order)
  arrive(keyOf[KEY.all], place, id)
  arrive(plan.all, place, id)
  arrive(keyOf[KEY.unfinished], place, id)
  arrive(plan.unfinished, place, id)
  if name then
    named[nameKey] = id .. '\n' .. more[EXTRA.fingerprint]
    founding.commands[#founding.commands + 1] = { 'SET', nameKey, named[nameKey], 'PX', keyMillis }
    founding.keys[#founding.keys + 1] = nameKey
  end
  local kind = kindOf[ARGV[from + 3] .. '|' .. ARGV[from + 4] .. '|' .. digest]
  local key = prefix .. KEY.run .. id
  local run = {
    id = id, key = key, known = { [RUN.submitted] = place }, status = STATUS.pending, stepsLeft = number[ARGV[from + 2]],
    events = 0, told = 0, isOpen = false, hasLost = false, has = '', bytes = 0, kind = kind, plan = kind.plan,
    toSet = { RUN.submitted, place }, isHeadDirty = true, was = STATUS.pending
  }
  runs[id] = run
  hashes[key] = run
  founding.keys[#founding.keys + 1] = key
  for at = from + 6, from + 5 + 2 * size, 2 do keepValue(run, ARGV[at], ARGV[at + 1]) end
  if more == nil then
    openRun(run)
    return nil
  end
  if more[EXTRA.bytes] then
    run.bytes = run.bytes + tonumber(more[EXTRA.bytes])
    founding.commands[#founding.commands + 1] = { 'PERSIST', key }
  end
  if more[EXTRA.references] then setOptional(run, RUN.references, more[EXTRA.references]) end
  if more[EXTRA.own] then setOptional(run, RUN.own, more[EXTRA.own]) end
  if more[EXTRA.keptItems] then setHas(run, RUN.keptItems) end
  if more[EXTRA.limits] then setOptional(run, RUN.limits, more[EXTRA.limits]) end
  if more[EXTRA.given] then setOptional(run, RUN.given, more[EXTRA.given]) end
  if name then setOptional(run, RUN.named, name) end
  if more[EXTRA.schedule] then
    setOptional(run, RUN.schedule, more[EXTRA.schedule])
    memberIn(sets, prefix .. KEY.scheduleRuns .. more[EXTRA.schedule], id, true)
  end
  local delay = tonumber(more[EXTRA.delay] or 0)
  local due = (delay > 0 and DUE.start or '') .. (more[EXTRA.timeout] and DUE.timeout or '')
  if due ~= '' then setOptional(run, RUN.due, due) end
  if more[EXTRA.timeout] then
    setOptional(run, RUN.timeout, more[EXTRA.timeout])
    dueAt(now + delay + tonumber(more[EXTRA.timeout]), DUE.timeout .. id)
  end
  if delay > 0 then dueAt(now + delay, DUE.start .. id) else admit(run) end
  return nil
end

-- Counts the runs of plans. A plan is kept as long as it has runs.
local function countPlans()
  if order == nil then return end
  later('SET', prefix .. KEY.order, fmt(order))
  for digest, uses in pairs(used) do
    local key = prefix .. KEY.plan .. digest
    if not call('HGET', key, PLAN.runs) then later('PERSIST', key) end
    later('HINCRBY', key, PLAN.runs, uses)
  end
end
