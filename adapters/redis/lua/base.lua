-- Reading and changing runs. Codes.ts defines the keys and fields. An act first reads all that it needs. It collects its
-- changes here, and `commit` writes them at the end: an act that fails before has changed nothing.
--
-- Names that all parts use: `run` is an open run, `index` the index of a step as a text, `item` the number of a unit of items
-- or nil for the step itself, `ref` the name of a unit, `items` the items of a step.

-- Whether the act only frees memory: such an act works even when memory is full.
local isFreeing = false
local nowText = fmt(now)
local quote = cjson.encode

-- A table that makes each value on first use, and keeps it.
local function remembering(make)
  return setmetatable({}, {
    __index = function(known, of)
      local made = make(of)
      known[of] = made
      return made
    end
  })
end

local keyOf = remembering(function(name) return prefix .. name end)

-- Whole numbers as texts, and back; texts as JSON; the fields of values and of leases.
local text, number, quoted = remembering(fmt), remembering(tonumber), remembering(quote)
local fieldOf = remembering(function(name) return RUN.value .. name end)
local leaseOf = remembering(function(unit) return WORK.lease .. unit end)

-- -- pending writes -----------------------------------------------------------------------------------------------------

-- Commands, written as they are.
local commands = {}

-- Writes that others depend on: renames of staged items, keys of new runs and of their idempotency keys, and commands. They
-- are written first, in this order. If Redis refuses one of them, `commit` undoes the others.
local founding = { renames = {}, keys = {}, commands = {} }

-- Forgotten runs: their members of KEY.ended, their keys, and their plans. They are removed last, and only if all other
-- writes succeeded; otherwise a later act finds them again.
local forgotten = { members = {}, keys = {}, plans = {} }

local function later(...) commands[#commands + 1] = { ... } end

-- Members of sorted sets and of sets, by key: the score or true, or false for a member that leaves.
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

-- Members of sorted sets that are added once and never again after their removal: runs in indices, and leases. Lists are
-- cheaper than tables by member.
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

-- A hash: its `known` fields; `toSet`, a list for HSET in which the last text of a field counts; and `toRemove`. `readKey` is
-- the name of a hash that `commit` will rename to `key`.
local function hashOf(key, readKey)
  return { key = key, readKey = readKey, known = {}, toSet = false }
end

local function get(hash, field)
  local value = hash.known[field]
  if value == nil then
    value = call('HGET', hash.readKey or hash.key, field)
    hash.known[field] = value
  end
  return value
end

local function newList(hash)
  local out = {}
  hash.toSet = out
  hashes[hash.key] = hash
  return out
end

-- Changes a field; false removes it.
local function set(hash, field, value)
  local before = hash.before
  if before and before[field] == nil then before[field] = hash.known[field] or false end
  hash.known[field] = value
  local out = hash.toSet or newList(hash)
  if value then
    local n = #out
    out[n + 1] = field
    out[n + 2] = value
    if hash.toRemove then hash.toRemove[field] = nil end
  else
    if not hash.toRemove then hash.toRemove = {} end
    hash.toRemove[field] = true
  end
end

-- Reads fields, in slices that fit on the stack.
local function getAll(hash, fields)
  local known = hash.known
  local missing
  for k = 1, #fields do
    if known[fields[k]] == nil then
      missing = missing or {}
      missing[#missing + 1] = fields[k]
    end
  end
  if not missing then return end
  for from = 1, #missing, 1000 do
    local to = math.min(from + 999, #missing)
    local found = call('HMGET', hash.readKey or hash.key, unpack(missing, from, to))
    for k = from, to do known[missing[k]] = found[k - from + 1] end
  end
end

-- -- runs ---------------------------------------------------------------------------------------------------------------

local runs = {}

-- The header of a run: see RUN in Codes.ts. The last group is policy, priority and plan.
local HEADER = '^(%a)|(%d+)|(%d+)|(%d)|(%d)|(%a*)|(%d+)|(.*)$'

-- Plans by digest. Their steps are read when they are needed.
local plans = {}

local function planOf(digest)
  local plan = plans[digest]
  if plan == nil then
    local key = prefix .. KEY.plan .. digest
    local found = call('HMGET', key, PLAN.version, PLAN.first, PLAN.size)
    if not found[3] then return false end
    plan = { key = key, version = found[1], first = cjson.decode(found[2]), size = tonumber(found[3]) }
    plan.pipeline = string.match(plan.version, '^[^:]*:(.*)$')
    plan.all, plan.unfinished = prefix .. KEY.all .. ':' .. plan.pipeline, prefix .. KEY.unfinished .. ':' .. plan.pipeline
    plan.running = prefix .. KEY.running .. ':' .. plan.pipeline
    plans[digest] = plan
  end
  return plan
end

-- The policy, priority, plan and queue of runs, by the last group of their header.
local kindOf = remembering(function(tail)
  local policy, priority, digest = string.match(tail, '^(%a)|(-?%d+)|(%x+)$')
  local plan = planOf(digest)
  local queue = priority .. '|' .. plan.version
  return { tail = tail, policy = policy, priority = tonumber(priority), digest = digest, plan = plan, queue = queue }
end)

-- Reads a run with these fields. The first one is the header.
local function openWith(id, fields)
  local key = prefix .. KEY.run .. id
  local found = call('HMGET', key, unpack(fields))
  if not found[1] then
    runs[id] = false
    return false
  end
  local status, left, events, isOpen, isLost, has, bytes, tail = string.match(found[1], HEADER)
  local kind = kindOf[tail]
  local known = {}
  for k = 1, #fields do known[fields[k]] = found[k] end
  -- All 16 fields that most runs need, in one constructor: adding fields later would grow the table.
  local run = {
    id = id, key = key, known = known, status = status, stepsLeft = number[left], events = number[events],
    told = number[events], isOpen = isOpen == '1', hasLost = isLost == '1', has = has, bytes = number[bytes], kind = kind,
    plan = kind.plan, toSet = false, isHeadDirty = false, was = status
  }
  runs[id] = run
  return run
end

local HEAD = { RUN.header }

local function open(id)
  local run = runs[id]
  if run ~= nil then return run end
  return openWith(id, HEAD)
end

-- Changes a field of the header.
local function setHead(run, field, value)
  run[field] = value
  run.isHeadDirty = true
  if not run.toSet then newList(run) end
end

-- Whether a run has an optional field, by its header.
local function has(run, field) return run.has ~= '' and string.find(run.has, field, 1, true) end

local function optional(run, field) return has(run, field) and get(run, field) or false end

local function setHas(run, field)
  if not has(run, field) then setHead(run, 'has', run.has .. field) end
end

local function setOptional(run, field, value)
  set(run, field, value)
  setHas(run, field)
end

local function pushEvent(run, event)
  local sequence = run.events + 1
  run.events = sequence
  run.isHeadDirty = true
  local out = run.toSet or newList(run)
  local n = #out
  out[n + 1] = text[sequence]
  out[n + 2] = event
end

-- Keeps a value. A value that begins with `@` (byte 64) is a reference to the blob store, with the length of its text behind a
-- line feed; the text is removed with the run.
local function keepValue(run, name, json)
  set(run, fieldOf[name], json)
  run.bytes = run.bytes + #json
  run.isHeadDirty = true
  if string.byte(json) == 64 then
    setOptional(run, RUN.references, (optional(run, RUN.references) or '') .. string.match(json, '^@([^\n]*)') .. '\n')
  end
end

-- Completed items of a step, which a run keeps from the run that it repeats.
local function keptOf(run, index) return has(run, RUN.keptItems) and get(run, fieldOf[MARK.keptItems .. index]) end

local function dropKept(run, index)
  if keptOf(run, index) then set(run, fieldOf[MARK.keptItems .. index], false) end
end

local function isOver(run) return run.status ~= STATUS.pending and run.status ~= STATUS.running end

local function stepOf(run, index)
  local plan = run.plan
  local step = plan[index]
  if step == nil then
    step = cjson.decode(call('HGET', plan.key, index))
    plan[index] = step
  end
  return step
end

-- Splits the name of a unit, `<run>:<step>` or `<run>:<step>:<item>`. Returns run, step, and item as a number or nil.
local function parse(ref)
  local id, index, item = string.match(ref, '^([^:]+):(%d+):?(%d*)$')
  if id == nil then return nil end
  return id, index, tonumber(item)
end

local function refOf(run, index, item)
  local ref = run.id .. ':' .. index
  return item and (ref .. ':' .. text[item]) or ref
end

-- -- counters -----------------------------------------------------------------------------------------------------------

local serials, isSerialUsed
local function nextSerial()
  if not isSerialUsed then
    serials = tonumber(call('GET', prefix .. KEY.serial) or 0)
    isSerialUsed = true
  end
  serials = serials + 1
  return serials
end

local function rank(priority, serial) return fmt((100 - priority) * 1e13 + serial) end

-- Revoked claims; the next instant at which something is due; whether to wake all waiting workers.
local revocations, soonest, wakeAll = {}, nil, false
-- Workers that have let a lease end.
local lostWorkers = {}
local maxValueBytes, maxLosses

local function dueAt(instant, what)
  zadd(prefix .. KEY.due, fmt(instant), what)
  if soonest == nil or instant < soonest then soonest = instant end
end
