-- Units of work: steps, and items of steps. What is known of a unit besides its lease: attempts (a), failures (f), lost
-- workers (l), first attempt (t), probed (p), limits found (k), memo key and time to live (m, e), waiting line (w), since when
-- (h), due (d). Of most units there is nothing.

-- The hash that has the lease and the record of a unit, and what these are called there.
local function homeOf(r, i, item)
  if item == nil then return r, i end
  return itemHashOf(r, i), text[item]
end

local function leaseField(r, i, item)
  local hash, name = homeOf(r, i, item)
  return hash, leaseOf[name]
end

-- To be looked at only.
local FRESH = { a = 0, f = 0, l = 0, t = 0 }

local function lookAt(r, i, item)
  local hash, name = homeOf(r, i, item)
  local units = hash.units
  local unit = units and units[name]
  if unit then return unit end
  if item == nil then
    if not has(r, 'u') then return FRESH end
  else
    local x = itemsOf(r, i)
    if not x or x.U == 0 then return FRESH end
  end
  local json = get(hash, 'u' .. name)
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
local function unitOf(r, i, item)
  local unit = lookAt(r, i, item)
  if unit ~= FRESH then return unit end
  local hash, name = homeOf(r, i, item)
  unit = { a = 0, f = 0, l = 0, t = 0 }
  if not hash.units then hash.units = {} end
  hash.units[name] = unit
  return unit
end

local function keepUnit(r, i, item)
  local hash, name = homeOf(r, i, item)
  set(hash, 'u' .. name, cjson.encode(hash.units[name]))
  if item == nil then
    setHas(r, 'u')
  else
    local x = itemsOf(r, i)
    if x and x.U == 0 then alter(x, 'U', 1) end
  end
end

local function dropUnit(r, i, item)
  if lookAt(r, i, item) == FRESH then return end
  local hash, name = homeOf(r, i, item)
  hash.units[name] = nil
  set(hash, 'u' .. name, false)
end

-- Whether a step has ended, in a run that goes on: completed, or without an outcome.
local function isStepOver(r, i)
  if get(r, leaseOf[i]) == '+' then return true end
  return (r.x or stepOf(r, i).a) and get(r, 'o' .. i)
end
