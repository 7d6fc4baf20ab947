/** Who holds which limits, and who waits for them: as `core/Slots.ts` does it in memory. */
export const LIMITS: string = String.raw`
local NONE = {}

-- What a unit has to hold while it is lent. A probe holds nothing: it is what finds that out.
local function limitsOf(step, unit)
  if not step.p then return step.k or NONE end
  if not unit.p then return NONE end
  if unit.k == nil then return step.k or NONE end
  if step.k == nil then return unit.k end
  local both = {}
  for _, limit in ipairs(step.k) do both[#both + 1] = limit end
  for _, limit in ipairs(unit.k) do both[#both + 1] = limit end
  return both
end

local admissible = {}

-- Whether somebody who waited may try again; it must not try at once.
local function wake(member)
  local id, i, _, u = parse(member)
  if id == nil then
    local r = open(member)
    if not r or isOver(r) then return false end
    admissible[#admissible + 1] = r
    setOpt(r, 'w', false)
    return true
  end
  local r = open(id)
  if not r or isOver(r) or (r.x and get(r, 'o' .. i)) then return false end
  unitOf(r, u).w = nil
  keepUnit(r, u)
  readyFirst(member, r.q)
  return true
end

local function heldOf(key) return tonumber(call('HGET', P .. 'held', key) or 0) end

-- Tells the next ones of whatever is free of these limits.
local function pass(limits)
  for _, limit in ipairs(limits) do
    local lines = P .. 'lines:' .. limit.key
    for _, name in ipairs(call('SMEMBERS', lines)) do
      if heldOf(limit.key) < tonumber(string.match(name, '^%d+')) then
        local line = P .. 'line:' .. limit.key .. '\n' .. name
        local next
        repeat next = call('ZPOPMIN', line)[1] until next == nil or wake(next)
        if call('EXISTS', line) == 0 then call('SREM', lines, name) end
      end
    end
  end
end

-- Takes every limit and gives nothing, or gives the line that the member waits in from now on, and since when it waits.
local function take(limits, member, class, priority, since)
  local full
  for _, limit in ipairs(limits) do
    if heldOf(limit.key) >= limit.max then
      full = limit
      break
    end
  end
  if full == nil then
    for _, limit in ipairs(limits) do call('HINCRBY', P .. 'held', limit.key, 1) end
    return nil
  end
  local name = fmt(full.max) .. '\n' .. class
  local line = P .. 'line:' .. full.key .. '\n' .. name
  since = tonumber(since) or call('INCR', P .. 'serial')
  call('ZADD', line, fmt((100 - priority) * 1e13 + since), member)
  call('SADD', P .. 'lines:' .. full.key, name)
  pass(limits)
  return line, since
end

local function give(limits)
  for _, limit in ipairs(limits) do
    if call('HINCRBY', P .. 'held', limit.key, -1) <= 0 then call('HDEL', P .. 'held', limit.key) end
  end
  pass(limits)
end

-- A unit that is over takes nothing: if it was told of a free place, the next one is.
local function passOver(r, i, u)
  if not (has(r, 'u') and get(r, 'u' .. u)) then return end
  local unit = unitOf(r, u)
  if unit.h then pass(limitsOf(stepOf(r, i), unit)) end
end
`
