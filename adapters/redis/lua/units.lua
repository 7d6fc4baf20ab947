-- Units of work: steps, and items of steps. Their leases and records are fields of WORK.

-- The hash that has the lease and record of a unit, and the name of the unit there.
local function homeOf(run, index, item)
  if item == nil then return run, index end
  return itemHashOf(run, index), text[item]
end

local function leaseField(run, index, item)
  local hash, name = homeOf(run, index, item)
  return hash, leaseOf[name]
end

-- Stands for the record of a unit that has none. Never changed.
local FRESH = { [RECORD.attempts] = 0, [RECORD.failures] = 0, [RECORD.losses] = 0, [RECORD.started] = 0 }

local function lookAt(run, index, item)
  local hash, name = homeOf(run, index, item)
  local units = hash.units
  local unit = units and units[name]
  if unit then return unit end
  if item == nil then
    if not has(run, RUN.records) then return FRESH end
  else
    local items = itemsOf(run, index)
    if not items or items[ITEMS.hasRecords] == 0 then return FRESH end
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

-- The record of a unit, for changes. `keepUnit` writes them.
local function unitOf(run, index, item)
  local unit = lookAt(run, index, item)
  if unit ~= FRESH then return unit end
  local hash, name = homeOf(run, index, item)
  unit = { [RECORD.attempts] = 0, [RECORD.failures] = 0, [RECORD.losses] = 0, [RECORD.started] = 0 }
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
    local items = itemsOf(run, index)
    if items and items[ITEMS.hasRecords] == 0 then alter(items, ITEMS.hasRecords, 1) end
  end
end

local function dropUnit(run, index, item)
  if lookAt(run, index, item) == FRESH then return end
  local hash, name = homeOf(run, index, item)
  hash.units[name] = nil
  set(hash, WORK.record .. name, false)
end

-- Whether a step of an unfinished run has ended.
local function isStepOver(run, index)
  if get(run, leaseOf[index]) == END.completed then return true end
  return (run.hasLost or stepOf(run, index)[STEP.arms]) and get(run, OF_STEP.over .. index)
end
