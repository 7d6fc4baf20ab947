-- Units of work: steps, and items of steps. What is known of a unit besides its lease: attempts (a), failures (f), lost
-- workers (l), first attempt (t), probed (p), limits found (k), memo key and time to live (m, e), waiting line (w), since when
-- (h), due (d). Of most units there is nothing.

-- The hash that has the lease and the record of a unit, and what these are called there.
local function homeOf(run, index, item)
  if item == nil then return run, index end
  return itemHashOf(run, index), text[item]
end

local function leaseField(run, index, item)
  local hash, name = homeOf(run, index, item)
  return hash, leaseOf[name]
end

-- To be looked at only.
local FRESH = { a = 0, f = 0, l = 0, t = 0 }

local function lookAt(run, index, item)
  local hash, name = homeOf(run, index, item)
  local units = hash.units
  local unit = units and units[name]
  if unit then return unit end
  if item == nil then
    if not has(run, RUN.records) then return FRESH end
  else
    local expansion = itemsOf(run, index)
    if not expansion or expansion[ITEMS.hasRecords] == 0 then return FRESH end
  end
  local json = get(hash, WORK.record .. name)
  if not json then return FRESH end
  if not units then
    units = {}
    hash.units = units
  end
  unit = cjson.decode(json)
  units[name] = unit
  return unit
end

-- To be changed, and kept with `keepUnit`.
local function unitOf(run, index, item)
  local unit = lookAt(run, index, item)
  if unit ~= FRESH then return unit end
  local hash, name = homeOf(run, index, item)
  unit = { a = 0, f = 0, l = 0, t = 0 }
  if not hash.units then hash.units = {} end
  hash.units[name] = unit
  return unit
end

local function keepUnit(run, index, item)
  local hash, name = homeOf(run, index, item)
  set(hash, WORK.record .. name, cjson.encode(hash.units[name]))
  if item == nil then
    setHas(run, RUN.records)
  else
    local expansion = itemsOf(run, index)
    if expansion and expansion[ITEMS.hasRecords] == 0 then alter(expansion, ITEMS.hasRecords, 1) end
  end
end

local function dropUnit(run, index, item)
  if lookAt(run, index, item) == FRESH then return end
  local hash, name = homeOf(run, index, item)
  hash.units[name] = nil
  set(hash, WORK.record .. name, false)
end

-- Whether a step has ended, in a run that goes on: completed, or without an outcome.
local function isStepOver(run, index)
  if get(run, leaseOf[index]) == END.completed then return true end
  return (run.hasLost or stepOf(run, index)[STEP.arms]) and get(run, OF_STEP.over .. index)
end
