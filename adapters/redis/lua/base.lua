-- What is kept, each key behind the prefix in `KEYS[1]`, whose hash tag puts all of them into one slot:
-- * `clock` the last instant; `serial` and `order` counters; `meta` what the database was made by; `torn` when a script last
--   failed while it wrote, from when on the mender looks at everything
-- * `r:<run>` hash, a run; `g:<run>` list, its lines; `key:<pipeline>…` the run of an idempotency key
-- * `p:<digest>` hash, a plan: its steps by index, `m` what reading a run needs of them, `q` version and pipeline, `b` the
--   steps that wait for nothing, `c` how many there are, `j` what is known of its runs from the start, `#` how many there are
-- * `x:`, `y:` and `z:<run>:<step>`, the items of a step: see items.lua; `s:<token>` items on their way there
-- * `ready` sorted set of ready queues by priority and turn; `q:<priority>|<version>` list, the ready work of one; `alone` and
--   `a:<priority>|<version>` the same of units that run alone
-- * `leases` sorted set by end; `stopping` hash, what revoked leases go on holding; `due` sorted set by instant; `todo` list,
--   see countdown.lua
-- * `held:`, `lines:`, `line:<limit>…` and `waits`, limits: see limits.lua
-- * `feed` stream, which run has got which events: run, the sequence before them, that of the last, and plan
-- * `all:`, `unfinished:`, `running:<pipeline>` and their like without a pipeline, sorted sets of runs by submission; `ended`
--   sorted set of runs by end
-- * `idle:<digest>` sorted set of waiting workers; `versions:<digest>` set, what these have; `digests` set of them; `workers`
--   sorted set of those that are there, by when they said so; `watchers`, `waiters` whether a client waits for runs that
--   change, and that end; `news` the channel that tells them
-- * `memo:<digest>` what a step gave, `memos` sorted set of these by when they were asked for; `dead` list of the last steps
--   that lost their workers; `gone` sorted set of values in the blob store that are to be removed; `paused` set
-- * `schedules`, `schedule:…`, `definitions`, `acls`, `audit`, `rate:<key>`, `token:<digest>`, `issued`: see the modules of these
--
-- Fields of a run: `h` header, `m` when it was submitted, `D` how many lines were dropped, `1`, `2`, … its events, `v<name>` its
-- values. The header is status (P, R, C, F, X), steps left, number of events, whether it is open, whether a step ended without
-- completing, which of the optional fields it has, bytes of its values, policy (its first letter), priority and plan, with
-- `|` between them. Optional fields: `e` first error, `b` whether a vital step is lacking, `k` limits, `a` whether it holds
-- them, `w` the line that it waits in, `H` since when, `y` whether a step was released before it was open, `d` what is due of
-- it, `T` its time limit, `c` its schedule, `t` its idempotency key, `G` the names that were given, `j` what is known of it
-- alone, `E` the steps that have keys of items, `B` what its values refer to in the blob store, `W` how many entries it has in
-- `todo`, `I` (no field) whether it keeps items of the run that it repeats, `u` (no field) whether units have records. By step:
-- `w<i>` inputs there, `o<i>` over, `m<i>` doom, `g<i>:<group>` givers left, `E<i>` has items, `%<i>` percent told, `l<i>` its
-- lease, `+` once it has completed, `u<i>` its record.

-- Runs as they are read and changed. An act reads all that it needs first; what it changes is collected here, and written
-- by `commit` at its end, so that an act that fails has changed nothing.
local at = fmt(now)
local quote = cjson.encode

-- How much one act may do: how many things it looks at, and about how many bytes its answer may have.
local MAX_LOOKS = 500
local MAX_REPLY = 1048576

-- Computes once and then looks up, which costs a fraction: most of it comes again and again.
local function remembering(make)
  return setmetatable({}, {
    __index = function(known, of)
      local made = make(of)
      known[of] = made
      return made
    end
  })
end

local keyOf = remembering(function(name) return P .. name end)

-- Whole numbers as texts, and back; texts as JSON; the names of values and leases among the fields of a run.
local text, number, quoted = remembering(fmt), remembering(tonumber), remembering(quote)
local fieldOf = remembering(function(name) return 'v' .. name end)
local leaseOf = remembering(function(unit) return 'l' .. unit end)

-- -- what is to be written ----------------------------------------------------------------------------------------------

-- Commands that are written as they are.
local commands = {}

-- What others build on: staged items that get their name, the keys of new runs and those that name them, and the commands that
-- these need. All of this is written first, in this order, and nothing of the act stays written unless all of it is.
local founding = { renames = {}, keys = {}, commands = {} }

-- Runs that are forgotten, as they stand in `ended`, their keys, and the plans that go with them. These are written last, and
-- only where all else was: what is left is found again.
local forgotten = { members = {}, keys = {}, plans = {} }

local function later(...) commands[#commands + 1] = { ... } end

-- Members of sorted sets and of sets by key: the score or true, false for one that leaves.
local sorted, sets = {}, {}

local function memberIn(all, key, member, value)
  local members = all[key]
  if members == nil then
    members = {}
    all[key] = members
  end
  members[member] = value
end

local function zadd(key, score, member) memberIn(sorted, key, member, score) end
local function zrem(key, member) memberIn(sorted, key, member, false) end

-- The same of members that come once and leave for good, which costs less: runs in their indices, and leases.
local arrivals, departures = {}, {}
local arrive, depart
do
  local function listIn(lists, key)
    local list = lists[key]
    if list == nil then
      list = {}
      lists[key] = list
    end
    return list
  end

  function arrive(key, score, member)
    local list = arrivals[key] or listIn(arrivals, key)
    local n = #list
    list[n + 1] = score
    list[n + 2] = member
  end

  function depart(key, member)
    local list = departures[key] or listIn(departures, key)
    list[#list + 1] = member
  end
end

-- Hashes by key; see `hashOf`.
local hashes = {}

-- -- hashes -------------------------------------------------------------------------------------------------------------

-- A hash as far as it is known (c), what is to be set (out, a list for HSET in which the last one of a name counts) and
-- what is to be removed (gone). One that has another name until the act is committed is read there.
local function hashOf(key, readKey)
  return { key = key, readKey = readKey, c = {}, out = false }
end

local function get(hash, field)
  local value = hash.c[field]
  if value == nil then
    value = call('HGET', hash.readKey or hash.key, field)
    hash.c[field] = value
  end
  return value
end

local function outOf(hash)
  local out = {}
  hash.out = out
  hashes[hash.key] = hash
  return out
end

-- Changes a field; false removes it.
local function set(hash, field, value)
  local before = hash.before
  if before and before[field] == nil then before[field] = hash.c[field] or false end
  hash.c[field] = value
  local out = hash.out or outOf(hash)
  if value then
    local n = #out
    out[n + 1] = field
    out[n + 2] = value
    if hash.gone then hash.gone[field] = nil end
  else
    if not hash.gone then hash.gone = {} end
    hash.gone[field] = true
  end
end

-- Fields in slices that fit on the stack.
local function getAll(hash, fields)
  local c = hash.c
  local missing
  for k = 1, #fields do
    if c[fields[k]] == nil then
      missing = missing or {}
      missing[#missing + 1] = fields[k]
    end
  end
  if not missing then return end
  for from = 1, #missing, 1000 do
    local to = math.min(from + 999, #missing)
    local found = call('HMGET', hash.readKey or hash.key, unpack(missing, from, to))
    for k = from, to do c[missing[k]] = found[k - from + 1] end
  end
end

-- -- runs ---------------------------------------------------------------------------------------------------------------

local runs = {}

-- status, steps left, events, open, lost, optional fields, bytes of values; policy, priority and plan.
local HEADER = '^(%a)|(%d+)|(%d+)|(%d)|(%d)|(%a*)|(%d+)|(.*)$'

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
    plan.all, plan.unfinished = P .. 'all:' .. plan.pipeline, P .. 'unfinished:' .. plan.pipeline
    plan.running = P .. 'running:' .. plan.pipeline
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
  local status, left, events, isOpen, isLost, has, bytes, tail = string.match(found[1], HEADER)
  local kind = kindOf[tail]
  local c = {}
  for k = 1, #fields do c[fields[k]] = found[k] end
  -- With all that most runs need, which are 16 fields: a table that grows is made anew, with room for twice as many.
  local r = {
    id = id, key = key, c = c, s = status, n = number[left], events = number[events], told = number[events], o = isOpen == '1',
    x = isLost == '1', has = has, bytes = number[bytes], kind = kind, plan = kind.plan, out = false, isHeadDirty = false,
    was = status
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

-- Keeps a value; one whose text stands for a text elsewhere is remembered, to be removed with the run.
local function keepValue(r, name, json)
  set(r, fieldOf[name], json)
  r.bytes = r.bytes + #json
  r.isHeadDirty = true
  if string.byte(json) == 64 then setOpt(r, 'B', (opt(r, 'B') or '') .. string.sub(json, 2) .. '\n') end
end

-- Completed items of a step that a run keeps from the one that it repeats.
local function keptOf(r, i) return has(r, 'I') and get(r, fieldOf['\1' .. i]) end

local function dropKept(r, i)
  if keptOf(r, i) then set(r, fieldOf['\1' .. i], false) end
end

local function isOver(r) return r.s ~= 'P' and r.s ~= 'R' end

local function stepOf(r, i)
  local plan = r.plan
  local step = plan[i]
  if step == nil then
    step = cjson.decode(call('HGET', plan.key, i))
    plan[i] = step
  end
  return step
end

-- A unit is `<run>:<step>` or `<run>:<step>:<item>`. Gives run, step and item: a number, or nothing.
local function parse(ref)
  local id, i, item = string.match(ref, '^([^:]+):(%d+):?(%d*)$')
  if id == nil then return nil end
  return id, i, tonumber(item)
end

local function refOf(r, i, item)
  local ref = r.id .. ':' .. i
  return item and (ref .. ':' .. text[item]) or ref
end

-- -- numbers that grow --------------------------------------------------------------------------------------------------

local serials, isSerialUsed
local function nextSerial()
  if not isSerialUsed then
    serials = tonumber(call('GET', P .. 'serial') or 0)
    isSerialUsed = true
  end
  serials = serials + 1
  return serials
end

local function rank(priority, serial) return fmt((100 - priority) * 1e13 + serial) end

-- Claims that were taken from workers; leases that have come to their end; when something is due next.
local revocations, soonest, wakeAll = {}, nil, false
-- Workers that are gone.
local lostWorkers = {}
local maxValueBytes, maxLosses

local function dueAt(instant, what)
  zadd(P .. 'due', fmt(instant), what)
  if soonest == nil or instant < soonest then soonest = instant end
end
