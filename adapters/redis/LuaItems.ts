/**
 * The items of a step while they are worked off: as `core/Unit.ts` does it in memory. Fields of `x:<run>:<step>`: `N`
 * units, `n` items, `z` items in a unit, `x` the next unit, `l` how many are lent, `D` units done, `d` items done, `m` of
 * them memoised, `e` events about single ones, `L` length of the results, `q` whether the step is queued for them, `g`
 * units to be lent again, `a` and `t` the attempt that read the list and when it began; `v<unit>` what a unit is, `r<output>:<unit>`
 * what came of it, `f<name>` in order: what the last one gave.
 */
export const ITEMS: string = String.raw`
local MAX_ITEM_EVENTS = 1000
local SCALARS = { 'N', 'n', 'z', 'x', 'l', 'D', 'd', 'm', 'e', 'L', 'q', 'g', 'a', 't' }

local function itemsOf(r, i)
  if not r.items then r.items = {} end
  local x = r.items[i]
  if x ~= nil then return x end
  x = false
  if stepOf(r, i).x and get(r, 'E' .. i) then
    local key = P .. 'x:' .. r.id .. ':' .. i
    local found = call('HMGET', key, unpack(SCALARS))
    x = { r = r, i = i, key = key, plan = stepOf(r, i).x, dirty = {}, sets = {}, dels = {} }
    for at = 1, #SCALARS do x[SCALARS[at]] = tonumber(found[at]) end
  end
  r.items[i] = x
  return x
end

local function alter(x, field, value)
  x[field] = value
  x.dirty[field] = true
  touched[x.r.id] = x.r
end

local function storeItems(x)
  local sets = x.sets
  for field in pairs(x.dirty) do
    sets[#sets + 1] = field
    sets[#sets + 1] = fmt(x[field])
  end
  spread('HSET', x.key, sets)
  spread('HDEL', x.key, x.dels)
  x.dirty, x.sets, x.dels = {}, {}, {}
end

local function makeItems(r, i, lease, count, size, units)
  local key = P .. 'x:' .. r.id .. ':' .. i
  local sets = {}
  for at, unit in ipairs(units) do
    sets[#sets + 1] = 'v' .. (at - 1)
    sets[#sets + 1] = unit
  end
  spread('HSET', key, sets)
  set(r, 'E' .. i, '1')
  local x = { r = r, i = i, key = key, plan = stepOf(r, i).x, dirty = {}, sets = {}, dels = {} }
  for _, field in ipairs(SCALARS) do alter(x, field, 0) end
  x.N, x.n, x.z, x.q, x.a, x.t = #units, count, size, 1, lease.attempt, lease.started
  if not r.items then r.items = {} end
  r.items[i] = x
end

local function hasRoom(x) return x.l < x.plan.m end

local function isReady(x)
  if not hasRoom(x) then return false end
  if x.g > 0 then return true end
  return x.x < x.N and (not x.plan.o or x.x == x.D)
end

-- The next unit to lend; ask isReady first.
local function takeItem(x)
  if x.g > 0 then
    alter(x, 'g', x.g - 1)
    return tonumber(call('RPOP', P .. 'y:' .. x.r.id .. ':' .. x.i))
  end
  alter(x, 'x', x.x + 1)
  return x.x - 1
end

local function againItem(x, item)
  alter(x, 'g', x.g + 1)
  call('RPUSH', P .. 'y:' .. x.r.id .. ':' .. x.i, item)
end

-- Has the rest of a step's items queued, when there are any that can be lent and are not.
local function requeue(x)
  if x.q == 0 and isReady(x) then
    alter(x, 'q', 1)
    ready(x.r.id .. ':' .. x.i, x.r.q)
  end
end

local function textOf(x, item) return call('HGET', x.key, 'v' .. item) end

local function keepItem(x, item, outputs, isMemoised)
  alter(x, 'D', x.D + 1)
  local size = x.z
  if item == x.N - 1 then size = x.n - item * x.z end
  alter(x, 'd', x.d + size)
  if isMemoised then alter(x, 'm', x.m + size) end
  x.dels[#x.dels + 1] = 'v' .. item
  if x.plan.o then
    for k = 1, #outputs, 2 do
      x.sets[#x.sets + 1] = 'f' .. outputs[k]
      x.sets[#x.sets + 1] = outputs[k + 1]
    end
    return
  end
  for place, name in ipairs(x.plan.u) do
    for k = 1, #outputs, 2 do
      if outputs[k] == name then
        x.sets[#x.sets + 1] = 'r' .. place .. ':' .. item
        x.sets[#x.sets + 1] = outputs[k + 1]
        alter(x, 'L', x.L + #outputs[k + 1] + 1)
      end
    end
  end
end

-- What came out: of each output the list, or in order the last.
local function resultOf(x)
  storeItems(x)
  local outputs = {}
  for place, name in ipairs(x.plan.u) do
    if x.plan.o then
      local folded = call('HGET', x.key, 'f' .. name)
      if folded then
        outputs[#outputs + 1] = name
        outputs[#outputs + 1] = folded
      end
    else
      local list = {}
      for from = 0, x.N - 1, 1000 do
        local fields = {}
        for item = from, math.min(from + 999, x.N - 1) do fields[#fields + 1] = 'r' .. place .. ':' .. item end
        for _, json in ipairs(call('HMGET', x.key, unpack(fields))) do
          if json then list[#list + 1] = json end
        end
      end
      outputs[#outputs + 1] = name
      outputs[#outputs + 1] = '[' .. table.concat(list, ',') .. ']'
    end
  end
  call('UNLINK', x.key, P .. 'y:' .. x.r.id .. ':' .. x.i)
  set(x.r, 'E' .. x.i, false)
  x.r.items[x.i] = false
  return outputs
end

-- An event that may be about an item: of those, a step has only so many.
local function pushOfUnit(r, i, item, event)
  local x = item and itemsOf(r, i)
  if x then
    alter(x, 'e', x.e + 1)
    if x.e > MAX_ITEM_EVENTS then return end
  end
  push(r, event)
end

-- One event for each percent: as many as anybody can see, and not more for a longer list.
local function progress(r, i, attempt, done, total)
  local percent = total > 0 and math.min(math.floor(100 * done / total), 100) or 0
  if percent <= tonumber(get(r, '%' .. i) or -1) then return end
  set(r, '%' .. i, percent)
  push(r, '["SP",' .. at .. ',' .. i .. ',' .. attempt .. ',' .. cjson.encode(done) .. ',' .. cjson.encode(total) .. ']')
end
`
