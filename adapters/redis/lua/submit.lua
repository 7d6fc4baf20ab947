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
  local name = more and more.t and (known.pipeline .. '\n' .. more.t)
  if name then
    local key = P .. 'key:' .. name
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
    call('ZCARD', keyOf.all)
    unfinished = call('ZCARD', keyOf.unfinished)
    order = tonumber(call('GET', P .. 'order') or 0)
  end
  if unfinished >= maxUnfinished then return { 'FULL' }, past end
  unfinished = unfinished + 1
  used[digest] = (used[digest] or 0) + 1
  -- Many in one millisecond are the last digits of it; only more than there are places go on into the next.
  order = math.max(now * PER_MILLI, order + 1)
  local place = fmt(order)
  arrive(keyOf.all, place, id)
  arrive(known.all, place, id)
  arrive(keyOf.unfinished, place, id)
  arrive(known.unfinished, place, id)
  if name then
    local key = P .. 'key:' .. name
    named[key] = id .. '\n' .. more.F
    founding.commands[#founding.commands + 1] = { 'SET', key, named[key], 'PX', keyMillis }
    founding.keys[#founding.keys + 1] = key
  end
  local kind = kindOf[ARGV[from + 3] .. '|' .. ARGV[from + 4] .. '|' .. digest]
  local key = P .. 'r:' .. id
  local r = {
    id = id, key = key, c = { m = place }, s = 'P', n = number[ARGV[from + 2]], events = 0, told = 0, o = false, x = false,
    has = '', bytes = 0, kind = kind, plan = kind.plan, out = { 'm', place }, isHeadDirty = true, was = 'P'
  }
  runs[id] = r
  hashes[key] = r
  founding.keys[#founding.keys + 1] = key
  for k = from + 6, from + 5 + 2 * size, 2 do keepValue(r, ARGV[k], ARGV[k + 1]) end
  if more == nil then
    openRun(r)
    return nil, past
  end
  if more.V then
    r.bytes = r.bytes + tonumber(more.V)
    founding.commands[#founding.commands + 1] = { 'PERSIST', key }
  end
  if more.B then setOpt(r, 'B', more.B) end
  if more.j then setOpt(r, 'j', more.j) end
  if more.I then setHas(r, 'I') end
  if more.k then setOpt(r, 'k', more.k) end
  if more.G then setOpt(r, 'G', more.G) end
  if name then setOpt(r, 't', name) end
  if more.c then
    setOpt(r, 'c', more.c)
    memberIn(sets, P .. 'schedule:runs:' .. more.c, id, true)
  end
  local delay = tonumber(more.D or 0)
  local due = (delay > 0 and 's' or '') .. (more.T and 't' or '')
  if due ~= '' then setOpt(r, 'd', due) end
  if more.T then
    setOpt(r, 'T', more.T)
    dueAt(now + delay + tonumber(more.T), 't' .. id)
  end
  if delay > 0 then dueAt(now + delay, 's' .. id) else admit(r) end
  return nil, past
end

-- Counts the runs of plans, which are kept for as long as they have some.
local function countPlans()
  if order == nil then return end
  later('SET', P .. 'order', fmt(order))
  for digest, uses in pairs(used) do
    local key = P .. 'p:' .. digest
    if not call('HGET', key, '#') then later('PERSIST', key) end
    later('HINCRBY', key, '#', uses)
  end
end
