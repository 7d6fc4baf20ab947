/**
 * How a run is recorded. Arguments from `from` on: id, plan, steps left, policy, priority, number of values, each value's
 * name and text, and the number of what else there is to say: then each of that, a letter and a text. `j` what is known
 * of it alone, `D` delay, `T` time limit, `k` limits, `G` names given, `c` schedule, `t` and `F` idempotency key and
 * fingerprint.
 */
export const SUBMIT: string = String.raw`
local PER_MILLI = 1000

-- Read once for all runs of one act, and written at its end.
local order, unfinished
local placed, placedBy, used = {}, {}, {}

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
  local plan = planOf(digest)
  if not plan then return { 'PLAN' }, past end
  local name = more and more.t and (plan.pipeline .. '\n' .. more.t)
  if name then
    local named = call('GET', P .. 'key:' .. name)
    if named then
      local run, fingerprint = string.match(named, '^([^\n]*)\n(.*)$')
      return { 'NAMED', run, fingerprint, runs[run] and 1 or call('EXISTS', P .. 'r:' .. run) }, past
    end
  end
  -- A client that was cut off before it heard the answer sends the same again.
  if call('EXISTS', P .. 'r:' .. id) == 1 then return nil, past end
  if unfinished == nil then
    unfinished = call('ZCARD', P .. 'unfinished')
    order = tonumber(call('GET', P .. 'order') or 0)
  end
  if unfinished >= maxUnfinished then return { 'FULL' }, past end
  unfinished = unfinished + 1
  used[digest] = (used[digest] or 0) + 1
  order = math.max(now * PER_MILLI, order + 1)
  -- Many in one millisecond are the last digits of it; only more than there are places go on into the next.
  local within = order - now * PER_MILLI
  local place = within < PER_MILLI and (at .. string.sub(text[PER_MILLI + within], 2)) or fmt(order)
  placed[#placed + 1] = place
  placed[#placed + 1] = id
  local of = placedBy[plan.pipeline]
  if of == nil then
    of = {}
    placedBy[plan.pipeline] = of
  end
  of[#of + 1] = place
  of[#of + 1] = id
  if name then call('SET', P .. 'key:' .. name, id .. '\n' .. more.F, 'PX', keyMillis) end
  local kind = kindOf[ARGV[from + 3] .. '|' .. ARGV[from + 4] .. '|' .. digest]
  local r = {
    id = id, key = P .. 'r:' .. id, c = {}, s = 'P', n = number[ARGV[from + 2]], events = 0, o = false, x = false, has = '',
    kind = kind, plan = plan, q = kind.queue, out = { 'm', within < PER_MILLI and at or fmt(math.floor(order / PER_MILLI)) },
    isHeadDirty = true, told = 0
  }
  runs[id] = r
  touched[id] = r
  for k = from + 6, from + 5 + 2 * size, 2 do set(r, fieldOf[ARGV[k]], ARGV[k + 1]) end
  if more == nil then
    openRun(r)
    return nil, past
  end
  if more.j then setOpt(r, 'j', more.j) end
  if more.k then setOpt(r, 'k', more.k) end
  if more.G then setOpt(r, 'G', more.G) end
  if name then setOpt(r, 't', name) end
  if more.c then
    setOpt(r, 'c', more.c)
    call('HINCRBY', P .. 'schedule:unfinished', more.c, 1)
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

-- Before the act is complete: a run that is over already leaves the unfinished again.
local function placeAll()
  if #placed == 0 then return end
  call('SET', P .. 'order', fmt(order))
  spread('ZADD', P .. 'all', placed)
  spread('ZADD', P .. 'unfinished', placed)
  for pipeline, of in pairs(placedBy) do spread('ZADD', P .. 'all:' .. pipeline, of) end
  for digest, count in pairs(used) do
    local key = P .. 'p:' .. digest
    if call('HINCRBY', key, '#', count) == count then call('PERSIST', key) end
  end
end
`
