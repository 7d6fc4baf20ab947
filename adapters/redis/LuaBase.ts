/** What every script begins with: the server's time, and runs as they are read, changed and written back at the end. */

/** The first write of an act: when memory is full, it is refused, and with it the whole act. */
export const GUARD = "call('SET', P .. 'clock', fmt(now))"

/**
 * Keys, each behind the prefix in `KEYS[1]`, whose hash tag puts all of them into one slot:
 * - `clock` the last instant; `serial` a counter; `meta` what the database was made by
 * - `r:<run>` hash, a run; `g:<run>` list, its lines
 * - `p:<digest>` hash, a plan: its steps by index, `m` what reading a run needs of them, `q` version and pipeline, `b` the
 *   steps that wait for nothing, `c` how many there are, `j` what is known of its runs from the start, `#` how many there are
 * - `x:<run>:<step>` hash, the items of a step; `y:<run>:<step>` list, items to be lent again
 * - `ready` sorted set of ready queues by priority and turn; `q:<priority>|<version>` list, the ready work of one
 * - `leases` sorted set by end; `stopping` hash, what revoked leases go on holding; `due` sorted set by instant
 * - `held` hash, holders of each limit; `lines:<limit>` set and `line:<limit>…` sorted sets, who waits for one
 * - `all`, `all:<pipeline>`, `unfinished` sorted sets of runs by submission; `ended` sorted set of plans and runs by end
 * - `idle:<digest>` sorted set of waiting workers; `versions:<digest>` set, what these have; `digests` set;
 *   `workers` sorted set of those that are there, by when they said so
 * - `definitions` hash of pipelines that were registered, by id; `acls` hash of ACLs, by pipeline; `audit` stream;
 *   `rate:<key>` list and `token:<digest>`, `issued`: see LuaAccess
 * - `memo:<digest>` what a step gave, `memos` sorted set of these by when they were asked for; `dead` list of steps that
 *   lost their workers; `paused` set; `key:<pipeline>…` what an idempotency key names; `watchers` whether runs are watched
 *
 * Fields of a run: `h` header, `m` when it was submitted, `D` how many lines were dropped, `1`, `2`, … its events,
 * `v<name>` its values. The header is status (P, R, C, F, X), steps left, number of events, whether it is open, whether a
 * step ended without completing, which of the optional fields it has, policy (its first letter), priority and plan, with
 * `|` between them. Optional fields: `e` first error, `b` whether a vital step is lacking, `k` limits, `a` whether it holds
 * them, `w` the line that it waits in, `H` since when, `y` whether a step was released before it was open, `d` what is due
 * of it, `T` its time limit, `c` its schedule, `t` its idempotency key, `G` the names that were given, `j` what is known of
 * it alone. By step: `w<i>` inputs there, `o<i>` over, `m<i>` doom, `g<i>:<group>` givers left, `E<i>` has items, `%<i>`
 * percent told. By unit (`<i>` or `<i>:<item>`): `l` lease, `u` what is known of it besides.
 */
export const BASE: string = String.raw`
local P = KEYS[1]
local call = redis.call
local format = string.format
local function fmt(n) return format('%.0f', n) end
local quote = cjson.encode

-- Whole numbers as texts. Lua writes numbers slowly, and most of ours are small and come again and again.
local text = setmetatable({}, {
  __index = function(texts, n)
    local written = fmt(n)
    texts[n] = written
    return written
  end
})

local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local latest = tonumber(call('GET', P .. 'clock') or 0)
if latest > now then now = latest end
${GUARD}
local at = fmt(now)

local function spread(command, key, list)
  if #list <= 1000 then
    if #list > 0 then call(command, key, unpack(list)) end
    return
  end
  for i = 1, #list, 1000 do call(command, key, unpack(list, i, math.min(i + 999, #list))) end
end

local runs, touched = {}, {}

local HEADER = '^(%a)|(%d+)|(%d+)|(%d)|(%d)|(%a*)|(%a)|(-?%d+)|(%x+)$'

-- Plans, with their steps as they are asked for.
local plans = {}

local function planOf(digest)
  local plan = plans[digest]
  if plan == nil then
    local key = P .. 'p:' .. digest
    local found = call('HMGET', key, 'q', 'b', 'c')
    if not found[3] then return false end
    plan = { key = key, version = found[1], first = cjson.decode(found[2]), size = tonumber(found[3]), queues = {} }
    plans[digest] = plan
  end
  return plan
end

local function queueOf(plan, priority)
  local queue = plan.queues[priority]
  if queue == nil then
    queue = priority .. '|' .. plan.version
    plan.queues[priority] = queue
  end
  return queue
end

-- A run, read; these fields, of which the first is the header, are read along with it.
local function openWith(id, fields)
  local key = P .. 'r:' .. id
  local found = call('HMGET', key, unpack(fields))
  if not found[1] then
    runs[id] = false
    return false
  end
  local s, n, events, o, x, has, f, priority, digest = string.match(found[1], HEADER)
  local plan = planOf(digest)
  local c = {}
  for k = 2, #fields do c[fields[k]] = found[k] end
  local r = {
    id = id, key = key, c = c, s = s, n = tonumber(n), events = tonumber(events), o = o == '1', x = x == '1', has = has,
    f = f, priority = priority, digest = digest, plan = plan, q = queueOf(plan, priority), units = false, items = false
  }
  runs[id] = r
  return r
end

local function open(id, field)
  local r = runs[id]
  if r ~= nil then return r end
  return openWith(id, { 'h', field })
end

-- What a value is called among the fields of a run.
local fieldOf = setmetatable({}, {
  __index = function(fields, name)
    local field = 'v' .. name
    fields[name] = field
    return field
  end
})

local function get(r, field)
  local value = r.c[field]
  if value == nil then
    value = call('HGET', r.key, field)
    r.c[field] = value
  end
  return value
end

-- Changes a field; false removes it. What is set is a list for HSET, in which the last one of a name counts.
local function set(r, field, value)
  r.c[field] = value
  local out = r.out
  if not out then
    out = {}
    r.out = out
    touched[r.id] = r
  end
  if value then
    local n = #out
    out[n + 1] = field
    out[n + 2] = value
    if r.gone then r.gone[field] = nil end
  else
    if not r.gone then r.gone = {} end
    r.gone[field] = true
  end
end

-- A field of the header.
local function head(r, field, value)
  r[field] = value
  r.isHeadDirty = true
  touched[r.id] = r
end

-- A field that few runs have: the header says which.
local function opt(r, field)
  return r.has ~= '' and string.find(r.has, field, 1, true) and get(r, field) or false
end

local function setOpt(r, field, value)
  set(r, field, value)
  if not string.find(r.has, field, 1, true) then head(r, 'has', r.has .. field) end
end

local function push(r, event)
  local sequence = r.events + 1
  r.events = sequence
  r.isHeadDirty = true
  r.isTold = true
  local out = r.out
  if not out then
    out = {}
    r.out = out
    touched[r.id] = r
  end
  local n = #out
  out[n + 1] = text[sequence]
  out[n + 2] = event
end

local function isOver(r) return r.s ~= 'P' and r.s ~= 'R' end

local function pipelineOf(plan) return string.match(plan.version, '^[^:]*:(.*)$') end

-- Writes back what has changed of a run's fields.
local function store(r)
  local out = r.out or {}
  if r.isHeadDirty then
    r.isHeadDirty = false
    local n = #out
    out[n + 1] = 'h'
    out[n + 2] = r.s .. '|' .. text[r.n] .. '|' .. text[r.events] .. (r.o and '|1|' or '|0|') .. (r.x and '1|' or '0|') .. r.has .. '|' .. r.f .. '|' .. r.priority .. '|' .. r.digest
  end
  r.out = nil
  spread('HSET', r.key, out)
  if r.gone then
    local gone = {}
    for field in pairs(r.gone) do gone[#gone + 1] = field end
    r.gone = nil
    spread('HDEL', r.key, gone)
  end
end

local function stepOf(r, i)
  local plan = r.plan
  local step = plan[i]
  if step == nil then
    step = cjson.decode(call('HGET', plan.key, i))
    plan[i] = step
  end
  return step
end

-- What is known of a unit besides its lease: attempts (a), failures (f), lost workers (l), first attempt (t), probed
-- (p), limits found (k), memo key and time to live (m, e), waiting line (w), since when (h), due (d).
local function unitOf(r, u)
  local units = r.units
  if not units then
    units = {}
    r.units = units
  end
  local unit = units[u]
  if unit == nil then
    local json = get(r, 'u' .. u)
    unit = json and cjson.decode(json) or { a = 0, f = 0, l = 0, t = 0 }
    units[u] = unit
  end
  return unit
end

-- The same, to be looked at only: of most units, there is nothing to be known.
local FRESH = { a = 0, f = 0, l = 0, t = 0 }

local function lookAt(r, u)
  if (r.units and r.units[u]) or get(r, 'u' .. u) then return unitOf(r, u) end
  return FRESH
end

local function keepUnit(r, u) set(r, 'u' .. u, cjson.encode(r.units[u])) end

local function dropUnit(r, u)
  if r.units then r.units[u] = nil end
  if get(r, 'u' .. u) then set(r, 'u' .. u, false) end
end

local function parse(ref)
  local id, i, item = string.match(ref, '^([^:]+):(%d+):?(%d*)$')
  if id == nil then return nil end
  if item == '' then return id, i, nil, i end
  return id, i, tonumber(item), i .. ':' .. item
end

-- Ready work, by queue. What is pushed within one act is written at its end, or before work is lent.
local pushed, counts = {}, {}

local versions = {}

local function versionOf(queue)
  local version = versions[queue]
  if version == nil then
    version = string.sub(queue, string.find(queue, '|', 1, true) + 1)
    versions[queue] = version
  end
  return version
end

local function count(queue, by)
  local version = versionOf(queue)
  counts[version] = (counts[version] or 0) + by
end

local function append(lists, queue, ref)
  local list = lists[queue]
  if list == nil then
    list = {}
    lists[queue] = list
  end
  list[#list + 1] = ref
  count(queue, 1)
end

local function ready(ref, queue) append(pushed, queue, ref) end

local function turn(queue)
  local priority = tonumber(string.match(queue, '^-?%d+'))
  call('ZADD', P .. 'ready', fmt((100 - priority) * 1e13 + call('INCR', P .. 'serial')), queue)
end

-- Those who have waited for a limit go before the others, in the order in which they are told.
local woken = {}

local function readyFirst(ref, queue) append(woken, queue, ref) end

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
-- Leases that have come to their end.
local returned = {}

local function dueAt(instant, what)
  call('ZADD', P .. 'due', fmt(instant), what)
  if soonest == nil or instant < soonest then soonest = instant end
end
`
