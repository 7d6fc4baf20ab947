-- How a run is recorded. Arguments from `from` on: id, plan, steps left, policy, priority, number of values, each value's
-- name and text, and the number of what else there is to say: then each of that, a letter and a text. `j` what is known
-- of it alone, `D` delay, `T` time limit, `k` limits, `G` names given, `c` schedule, `t` and `F` idempotency key and
-- fingerprint, `V` how many bytes of values are in its hash already, `I` the steps of which completed items are kept.
-- Read once for all runs of one act.
local order, unfinished
local used, named = {}, {}

-- Gives nothing when it is recorded; NAMED, the run that has its key, its fingerprint and whether it is there; PLAN; or
-- FULL. And where the arguments end.
local function submit(from, maxUnfinished, keyMillis)
  local id, digest = ARGV[from], ARGV[from + 1]
  local size = tonumber(ARGV[from + 5])
  local past = from + 6 + 2 * size
  local more
  local extras = tonumber(ARGV[past])
  past = past + 1
  if extras > 0 then
    more = {}
    for k = past, past + 2 * extras - 1, 2 do more[ARGV[k]] = ARGV[k + 1] end
    past = past + 2 * extras
  end
  local known = planOf(digest)
  if not known then return { 'PLAN' }, past end
  local name = more and more[EXTRA.key] and (known.pipeline .. '\n' .. more[EXTRA.key])
  if name then
    local key = prefix .. KEY.named .. name
    if named[key] == nil then named[key] = call('GET', key) end
    if named[key] then
      local run, fingerprint = string.match(named[key], '^([^\n]*)\n(.*)$')
      return { 'NAMED', run, fingerprint, open(run) and 1 or 0 }, past
    end
  end
  -- A client that was cut off before it heard the answer sends the same again.
  if open(id) then return nil, past end
  if unfinished == nil then
    -- Of these, only whether they are what they have to be counts: what can't be written is refused before anything is.
    call('ZCARD', keyOf[KEY.all])
    unfinished = call('ZCARD', keyOf[KEY.unfinished])
    order = tonumber(call('GET', prefix .. KEY.order) or 0)
  end
  if unfinished >= maxUnfinished then return { 'FULL' }, past end
  unfinished = unfinished + 1
  used[digest] = (used[digest] or 0) + 1
  -- Many in one millisecond are the last digits of it; only more than there are places go on into the next.
  order = math.max(now * BOUND.perMilli, order + 1)
  local place = fmt(order)
  arrive(keyOf[KEY.all], place, id)
  arrive(known.all, place, id)
  arrive(keyOf[KEY.unfinished], place, id)
  arrive(known.unfinished, place, id)
  if name then
    local key = prefix .. KEY.named .. name
    named[key] = id .. '\n' .. more[EXTRA.fingerprint]
    founding.commands[#founding.commands + 1] = { 'SET', key, named[key], 'PX', keyMillis }
    founding.keys[#founding.keys + 1] = key
  end
  local kind = kindOf[ARGV[from + 3] .. '|' .. ARGV[from + 4] .. '|' .. digest]
  local key = prefix .. KEY.run .. id
  local run = {
    id = id, key = key, known = { [RUN.submitted] = place }, status = STATUS.pending, stepsLeft = number[ARGV[from + 2]], events = 0, told = 0, isOpen = false, hasLost = false,
    has = '', bytes = 0, kind = kind, plan = kind.plan, out = { RUN.submitted, place }, isHeadDirty = true, was = STATUS.pending
  }
  runs[id] = run
  hashes[key] = run
  founding.keys[#founding.keys + 1] = key
  for k = from + 6, from + 5 + 2 * size, 2 do keepValue(run, ARGV[k], ARGV[k + 1]) end
  if more == nil then
    openRun(run)
    return nil, past
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
  return nil, past
end

-- Counts the runs of plans, which are kept for as long as they have some.
local function countPlans()
  if order == nil then return end
  later('SET', prefix .. KEY.order, fmt(order))
  for digest, uses in pairs(used) do
    local key = prefix .. KEY.plan .. digest
    if not call('HGET', key, PLAN.runs) then later('PERSIST', key) end
    later('HINCRBY', key, PLAN.runs, uses)
  end
end
