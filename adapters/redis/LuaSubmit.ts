/**
 * How a run is recorded. Arguments from `from` on: id, pipeline, queue, plan, steps left, policy, delay, timeout, limits,
 * names given, schedule, key, fingerprint, how long the key names its run, how many may be unfinished, submission, number
 * of values; then each value's name and text. What there is not is an empty text.
 */
export const SUBMIT: string = String.raw`
local PER_MILLI = 2048

-- Gives RUN and its id; NAMED, the run that has its key, its fingerprint and whether it is there; PLAN; or FULL. And where the arguments end.
local function submit(from)
  local function arg(k) return ARGV[from + k - 1] end
  local size = tonumber(arg(17))
  local past = from + 17 + 2 * size
  local id, pipeline, queue, plan = arg(1), arg(2), arg(3), P .. 'p:' .. arg(4)
  local name = arg(12) ~= '' and (pipeline .. '\n' .. arg(12)) or nil
  if name then
    local named = call('GET', P .. 'key:' .. name)
    if named then
      local run, fingerprint = string.match(named, '^([^\n]*)\n(.*)$')
      return { 'NAMED', run, fingerprint, call('EXISTS', P .. 'r:' .. run) }, past
    end
  end
  if call('HEXISTS', plan, 'c') == 0 then return { 'PLAN' }, past end
  if call('ZCARD', P .. 'unfinished') >= tonumber(arg(15)) then return { 'FULL' }, past end
  if call('HINCRBY', plan, '#', 1) == 1 then call('PERSIST', plan) end
  local order = math.max(now * PER_MILLI, tonumber(call('GET', P .. 'order') or 0) + 1)
  call('SET', P .. 'order', fmt(order))
  call('ZADD', P .. 'all', fmt(order), id)
  call('ZADD', P .. 'all:' .. pipeline, fmt(order), id)
  call('ZADD', P .. 'unfinished', fmt(order), id)
  if name then call('SET', P .. 'key:' .. name, id .. '\n' .. arg(13), 'PX', arg(14)) end
  local values = {}
  for k = 18, 17 + 2 * size do values[#values + 1] = arg(k) end
  spread('HSET', P .. 'v:' .. id, values)
  local r = {
    id = id, key = P .. 'r:' .. id, dirty = {}, events = {}, written = {}, v = {}, units = {}, items = {},
    c = { o = false, x = false, y = false, e = false, k = false, h = false, d = false, c = false }
  }
  runs[id] = r
  set(r, 'j', arg(16))
  set(r, 'm', fmt(math.floor(order / PER_MILLI)))
  set(r, 's', 'P')
  set(r, 'p', arg(4))
  set(r, 'n', arg(5))
  set(r, 'f', arg(6))
  set(r, 'q', queue)
  set(r, 'i', pipeline)
  if arg(9) ~= '' then set(r, 'k', arg(9)) end
  if arg(10) ~= '' then set(r, 'G', arg(10)) end
  if name then set(r, 't', name) end
  if arg(11) ~= '' then
    set(r, 'c', arg(11))
    call('HINCRBY', P .. 'schedule:unfinished', arg(11), 1)
  end
  local delay = tonumber(arg(7))
  local due = (delay > 0 and 's' or '') .. (arg(8) ~= '' and 't' or '')
  if due ~= '' then set(r, 'd', due) end
  if arg(8) ~= '' then
    set(r, 'T', arg(8))
    dueAt(now + delay + tonumber(arg(8)), 't' .. id)
  end
  if delay > 0 then dueAt(now + delay, 's' .. id) else admit(r) end
  return { 'RUN', id }, past
end
`
