/** What every script begins with: the server's time, and runs as they are read, changed and written back at the end. */

/**
 * Keys, each behind the prefix in `KEYS[1]`, whose hash tag puts all of them into one slot:
 * - `clock` the last instant; `serial` a counter; `meta` what the database was made by
 * - `r:<run>` hash, a run's state; `v:<run>` hash, its values; `e:<run>` list, its events; `g:<run>` list, its lines
 * - `p:<digest>` hash, a plan: its steps by index, `#` how many runs have it
 * - `x:<run>:<step>` hash, the items of a step; `y:<run>:<step>` list, items to be lent again
 * - `ready` sorted set of ready queues by priority and turn; `q:<priority>|<version>` list, the ready work of one
 * - `leases` sorted set by end; `stopping` hash, what revoked leases go on holding; `due` sorted set by instant
 * - `held` hash, holders of each limit; `lines:<limit>` set and `line:<limit>…` sorted sets, who waits for one
 * - `all`, `all:<pipeline>`, `unfinished` sorted sets of runs by submission; `ended` sorted set by end
 * - `idle:<digest>` sorted set of waiting workers; `versions:<digest>` set, what these have; `digests` set
 *
 * Fields of a run: `j` submission, `s` status (P, R, C, F, X), `p` plan, `n` steps left, `f` policy, `q` queue,
 * `i` pipeline, `o` whether it is open, `x` whether a step ended without completing, `e` first error, `b` whether a
 * vital step is lacking, `k` limits, `a` whether it holds them, `w` the line that it waits in, `h` since when it
 * waits, `d` what is due of it, `y` whether a step was released before it was open, `c` its schedule, `t` its
 * idempotency key, `z` when it ended, `G` the names that were given. By step: `w<i>` inputs there, `o<i>` over, `m<i>`
 * doom, `g<i>:<group>` givers left, `E<i>` has items, `%<i>` percent told. By unit (`<i>` or `<i>:<item>`): `l` lease,
 * `u` what is known of it besides.
 */
export const BASE: string = String.raw`
local P = KEYS[1]
local call = redis.call
local function fmt(n) return string.format('%.0f', n) end
local quote = cjson.encode

local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local latest = tonumber(call('GET', P .. 'clock') or 0)
if latest > now then now = latest end
-- Before any other write: when memory is short, this one is refused, and with it the whole act.
call('SET', P .. 'clock', fmt(now))
local at = fmt(now)

local function spread(command, key, list)
  for i = 1, #list, 1000 do call(command, key, unpack(list, i, math.min(i + 999, #list))) end
end

local runs, touched = {}, {}

local function open(id, ...)
  local r = runs[id]
  if r ~= nil then return r end
  local key = P .. 'r:' .. id
  local fields = { 's', 'p', 'n', 'f', 'q', 'o', 'x', ... }
  local found = call('HMGET', key, unpack(fields))
  if not found[1] then
    runs[id] = false
    return false
  end
  local c = {}
  for i = 1, #fields do c[fields[i]] = found[i] end
  r = { id = id, key = key, c = c, dirty = {}, events = {}, written = {}, v = {}, units = {}, items = {} }
  runs[id] = r
  return r
end

local function get(r, field)
  local value = r.c[field]
  if value == nil then
    value = call('HGET', r.key, field)
    r.c[field] = value
  end
  return value
end

local function set(r, field, value)
  r.c[field] = value
  r.dirty[field] = true
  touched[r.id] = r
end

local function push(r, event)
  r.events[#r.events + 1] = event
  touched[r.id] = r
end

local function isOver(r) return r.c.s ~= 'P' and r.c.s ~= 'R' end

-- Writes back what has changed of a run's fields.
local function store(r)
  local sets, dels = {}, {}
  for field in pairs(r.dirty) do
    local value = r.c[field]
    if value then
      sets[#sets + 1] = field
      sets[#sets + 1] = value
    else
      dels[#dels + 1] = field
    end
  end
  r.dirty = {}
  spread('HSET', r.key, sets)
  spread('HDEL', r.key, dels)
end

local plans = {}

local function stepOf(r, i)
  local plan = plans[r.c.p]
  if plan == nil then
    plan = {}
    plans[r.c.p] = plan
  end
  local step = plan[i]
  if step == nil then
    step = cjson.decode(call('HGET', P .. 'p:' .. r.c.p, i))
    plan[i] = step
  end
  return step
end

-- What is known of a unit besides its lease: attempts (a), failures (f), lost workers (l), first attempt (t), probed
-- (p), limits found (k), memo key and time to live (m, e), waiting line (w), since when (h), due (d).
local function unitOf(r, u)
  local unit = r.units[u]
  if unit == nil then
    local json = get(r, 'u' .. u)
    unit = json and cjson.decode(json) or { a = 0, f = 0, l = 0, t = 0 }
    r.units[u] = unit
  end
  return unit
end

local function keepUnit(r, u) set(r, 'u' .. u, cjson.encode(r.units[u])) end

local function dropUnit(r, u)
  r.units[u] = nil
  if get(r, 'u' .. u) then set(r, 'u' .. u, false) end
end

local function parse(ref)
  local id, i, item = string.match(ref, '^([^:]+):(%d+):?(%d*)$')
  if id == nil then return nil end
  if item == '' then return id, tonumber(i), nil, i end
  return id, tonumber(i), tonumber(item), i .. ':' .. item
end

-- Ready work, by queue. What is pushed within one act is written at its end, or before work is lent.
local pushed, counts = {}, {}

local function versionOf(queue) return string.sub(queue, string.find(queue, '|', 1, true) + 1) end

local function count(queue, by)
  local version = versionOf(queue)
  counts[version] = (counts[version] or 0) + by
end

local function ready(ref, queue)
  local list = pushed[queue]
  if list == nil then
    list = {}
    pushed[queue] = list
  end
  list[#list + 1] = ref
  count(queue, 1)
end

local function turn(queue)
  local priority = tonumber(string.match(queue, '^-?%d+'))
  call('ZADD', P .. 'ready', fmt((100 - priority) * 1e13 + call('INCR', P .. 'serial')), queue)
end

-- Those who have waited for a limit go before the others, in the order in which they are told.
local woken = {}

local function readyFirst(ref, queue)
  local list = woken[queue]
  if list == nil then
    list = {}
    woken[queue] = list
  end
  list[#list + 1] = ref
  count(queue, 1)
end

local function enqueueFirst()
  for queue, list in pairs(woken) do
    local key = P .. 'q:' .. queue
    local before = call('LLEN', key)
    for place = #list, 1, -1 do call('LPUSH', key, list[place]) end
    if before == 0 then turn(queue) end
  end
  woken = {}
end

local function enqueue()
  enqueueFirst()
  for queue, list in pairs(pushed) do
    if #list > 0 then
      local key = P .. 'q:' .. queue
      local before = call('LLEN', key)
      spread('RPUSH', key, list)
      if before == 0 then turn(queue) end
    end
  end
  pushed = {}
end

local revocations, wakeAll, soonest = {}, false, nil
local maxValueLength

local function dueAt(instant, what)
  call('ZADD', P .. 'due', fmt(instant), what)
  if soonest == nil or instant < soonest then soonest = instant end
end
`
