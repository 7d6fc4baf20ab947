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
 * - `feed` stream, which run has got which events: run, the sequence before them, that of the last, and plan
 * - `all`, `all:<pipeline>`, `unfinished` sorted sets of runs by submission; `ended` sorted set of plans and runs by end
 * - `idle:<digest>` sorted set of waiting workers; `versions:<digest>` set, what these have; `digests` set;
 *   `workers` sorted set of those that are there, by when they said so
 * - `definitions` hash of pipelines that were registered, by id; `acls` hash of ACLs, by pipeline; `audit` stream;
 *   `rate:<key>` list and `token:<digest>`, `issued`: see LuaAccess
 * - `memo:<digest>` what a step gave, `memos` sorted set of these by when they were asked for; `dead` list of steps that
 *   lost their workers; `paused` set; `key:<pipeline>…` what an idempotency key names; `watchers` and
 *   `waiters` whether somebody wants to know of runs that change, and that end
 *
 * Fields of a run: `h` header, `m` when it was submitted, `D` how many lines were dropped, `1`, `2`, … its events,
 * `v<name>` its values. The header is status (P, R, C, F, X), steps left, number of events, whether it is open, whether a
 * step ended without completing, which of the optional fields it has, policy (its first letter), priority and plan, with
 * `|` between them. Optional fields: `e` first error, `b` whether a vital step is lacking, `k` limits, `a` whether it holds
 * them, `w` the line that it waits in, `H` since when, `y` whether a step was released before it was open, `d` what is due
 * of it, `T` its time limit, `c` its schedule, `t` its idempotency key, `G` the names that were given, `j` what is known of
 * it alone, `u` (which is no field) whether there are any of units. By step: `w<i>` inputs there, `o<i>` over, `m<i>` doom,
 * `g<i>:<group>` givers left, `E<i>` has items, `%<i>` percent told. By unit (`<i>` or `<i>:<item>`): `l` lease, `u` what
 * is known of it besides.
 */
export const BASE: string = String.raw`
local P = KEYS[1]
local call = redis.call
local format = string.format
local function fmt(n) return format('%.0f', n) end
local quote = cjson.encode

-- What is made once and then looked up, which costs a fraction: most of it comes again and again.
local function remembering(make)
  return setmetatable({}, {
    __index = function(known, of)
      local made = make(of)
      known[of] = made
      return made
    end
  })
end

-- Whole numbers as texts, and back; texts as JSON; what values and leases are called among the fields of a run.
local text, number, quoted = remembering(fmt), remembering(tonumber), remembering(quote)
local fieldOf = remembering(function(name) return 'v' .. name end)
local leaseOf = remembering(function(u) return 'l' .. u end)

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

local HEADER = '^(%a)|(%d+)|(%d+)|(%d)|(%d)|(%a*)|(.*)$'

-- Plans, with their steps as they are asked for.
local plans = {}

local function planOf(digest)
  local plan = plans[digest]
  if plan == nil then
    local key = P .. 'p:' .. digest
    local found = call('HMGET', key, 'q', 'b', 'c')
    if not found[3] then return false end
    plan = { key = key, version = found[1], first = cjson.decode(found[2]), size = tonumber(found[3]) }
    plan.pipeline = string.match(plan.version, '^[^:]*:(.*)$')
    plans[digest] = plan
  end
  return plan
end

-- What runs have in common whose headers end alike: policy, priority and plan, and the queue that follows from these.
local kindOf = remembering(function(tail)
  local policy, priority, digest = string.match(tail, '^(%a)|(-?%d+)|(%x+)$')
  local plan = planOf(digest)
  local queue = priority .. '|' .. plan.version
  return { tail = tail, policy = policy, priority = tonumber(priority), digest = digest, plan = plan, queue = queue }
end)

-- A run, read; these fields, of which the first is the header, are read along with it.
local function openWith(id, fields)
  local key = P .. 'r:' .. id
  local found = call('HMGET', key, unpack(fields))
  if not found[1] then
    runs[id] = false
    return false
  end
  local s, n, events, o, x, has, tail = string.match(found[1], HEADER)
  local kind = kindOf[tail]
  local c = {}
  for k = 2, #fields do c[fields[k]] = found[k] end
  -- With all that most runs need, 16 at most: a table that grows is made anew.
  local r = {
    id = id, key = key, c = c, s = s, n = number[n], events = number[events], told = number[events], o = o == '1', x = x == '1', has = has,
    kind = kind, plan = kind.plan, q = kind.queue, out = false, isHeadDirty = false
  }
  runs[id] = r
  return r
end

local HEAD = { 'h' }

local function open(id)
  local r = runs[id]
  if r ~= nil then return r end
  return openWith(id, HEAD)
end

local function get(r, field)
  local value = r.c[field]
  if value == nil then
    value = call('HGET', r.key, field)
    r.c[field] = value
  end
  return value
end

-- The fields of a run that are to be set: a list for HSET, in which the last one of a name counts.
local function outOf(r)
  local out = {}
  r.out = out
  touched[r.id] = r
  return out
end

-- Changes a field; false removes it.
local function set(r, field, value)
  r.c[field] = value
  local out = r.out or outOf(r)
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
  if not r.out then outOf(r) end
end

-- A field that few runs have: the header says which.
local function has(r, field) return r.has ~= '' and string.find(r.has, field, 1, true) end

local function opt(r, field) return has(r, field) and get(r, field) or false end

local function setHas(r, field)
  if not has(r, field) then head(r, 'has', r.has .. field) end
end

local function setOpt(r, field, value)
  set(r, field, value)
  setHas(r, field)
end

local function push(r, event)
  local sequence = r.events + 1
  r.events = sequence
  r.isHeadDirty = true
  local out = r.out or outOf(r)
  local n = #out
  out[n + 1] = text[sequence]
  out[n + 2] = event
end

local function isOver(r) return r.s ~= 'P' and r.s ~= 'R' end

-- Writes back what has changed of a run's fields.
local function store(r)
  local out = r.out or outOf(r)
  if r.isHeadDirty then
    r.isHeadDirty = false
    local n = #out
    out[n + 1] = 'h'
    out[n + 2] = r.s .. '|' .. text[r.n] .. '|' .. text[r.events] .. (r.o and '|1|' or '|0|') .. (r.x and '1|' or '0|') .. r.has .. '|' .. r.kind.tail
  end
  r.out = false
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
    local json = has(r, 'u') and get(r, 'u' .. u)
    unit = json and cjson.decode(json) or { a = 0, f = 0, l = 0, t = 0 }
    units[u] = unit
  end
  return unit
end

-- The same, to be looked at only: of most units, there is nothing to be known.
local FRESH = { a = 0, f = 0, l = 0, t = 0 }

local function lookAt(r, u)
  if (r.units and r.units[u]) or (has(r, 'u') and get(r, 'u' .. u)) then return unitOf(r, u) end
  return FRESH
end

local function keepUnit(r, u)
  set(r, 'u' .. u, cjson.encode(r.units[u]))
  setHas(r, 'u')
end

local function dropUnit(r, u)
  if r.units then r.units[u] = nil end
  if has(r, 'u') and get(r, 'u' .. u) then set(r, 'u' .. u, false) end
end

local function parse(ref)
  local id, i, item = string.match(ref, '^([^:]+):(%d+):?(%d*)$')
  if id == nil then return nil end
  if item == '' then return id, i, nil, i end
  return id, i, tonumber(item), i .. ':' .. item
end

-- Ready work, by queue. What is pushed within one act is written at its end, or before work is lent.
local pushed, counts = {}, {}

local versionOf = remembering(function(queue) return string.sub(queue, string.find(queue, '|', 1, true) + 1) end)

local function count(queue, by)
  local version = versionOf[queue]
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

-- What goes before the others, in this order: steps of runs that have begun, and those who have waited for a limit. A run
-- that has begun is brought to its end before others begin; and it is at hand here when its next step is lent.
local foremost = {}

local function readyFirst(ref, queue) append(foremost, queue, ref) end

local function enqueueFirst()
  for queue, list in pairs(foremost) do
    local key = P .. 'q:' .. queue
    local size = #list
    for at = 1, size / 2 do list[at], list[size + 1 - at] = list[size + 1 - at], list[at] end
    local before = call('LLEN', key)
    spread('LPUSH', key, list)
    if before == 0 then turn(queue) end
  end
  foremost = {}
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
local maxValueBytes
-- Leases that have come to their end.
local returned = {}

local function dueAt(instant, what)
  call('ZADD', P .. 'due', fmt(instant), what)
  if soonest == nil or instant < soonest then soonest = instant end
end
`
