-- The items of a step while they are worked off, by units of one item or several: as core's Expansion does it in memory.
-- `x:<run>:<step>` is a hash: `N` units, `n` items, `z` items in a unit, `x` the next unit, `l` how many are lent, `D` units
-- that have ended, `d` items of these, `m` of them memoised, `f` items failed, `e` events about single ones that are tried
-- again, `o` events about failed ones, `F` how many errors of units are kept, `h` the first failed items with their errors, `L`
-- bytes of the results, `q` whether the step is queued for them, `g` units to be lent again, `U` whether there are records of
-- units, `K` whether some were completed from the start, `a` and `t` the attempt that read the list and when it began;
-- `v<unit>` what a unit is, `r<output>:<unit>` what came of it, `e<unit>` why it failed, `n<chunk>` how many units of a
-- thousand have ended, `c<output>:<chunk>` their results one after the other, `f<name>` in order: what the last one gave.
-- `z:<run>:<step>` has the leases and records of units: `l<unit>` is a lease, `+` and its attempts for one that has completed, `-`
-- for one that has failed. `y:<run>:<step>` is the list of those to be lent again.
local itemsOf, alter, itemHashOf, makeItems, hasRoom, isReady, takeItem, againItem, requeue, itemText, sizeOf, endUnit, resultOf, dropItems, writeAgain, pushOfUnit, progress
do
  local CHUNK = 1000
  local SCALARS = { 'N', 'n', 'z', 'x', 'l', 'D', 'd', 'm', 'f', 'e', 'o', 'F', 'L', 'q', 'g', 'U', 'K', 'a', 't' }

  function itemsOf(r, i)
    if not r.items then r.items = {} end
    local x = r.items[i]
    if x ~= nil then return x end
    x = false
    local step = stepOf(r, i)
    if step.x and get(r, 'E' .. i) then
      local hash = hashOf(P .. 'x:' .. r.id .. ':' .. i)
      getAll(hash, SCALARS)
      x = { r = r, i = i, hash = hash, plan = step.x, again = {}, popped = 0 }
      for _, field in ipairs(SCALARS) do x[field] = tonumber(hash.c[field] or 0) end
    end
    r.items[i] = x
    return x
  end

  function alter(x, field, value)
    x[field] = value
    set(x.hash, field, fmt(value))
  end

  -- Where the leases and records of a step's items are.
  function itemHashOf(r, i)
    local items = r.itemHashes
    if not items then
      items = {}
      r.itemHashes = items
    end
    local hash = items[i]
    if hash == nil then
      hash = hashOf(P .. 'z:' .. r.id .. ':' .. i)
      -- What was there before, to be put back where the numbers can't be written.
      hash.before = {}
      items[i] = hash
    end
    return hash
  end

  local steps = {}

  -- Begins with items that are in hashes of another name, where a worker has put them: how many units there are, items, items
  -- in a unit; and how many units and items are completed from the start, with how many bytes of results.
  function makeItems(r, i, attempt, started, staged, units, items, size, kept)
    local key = P .. 'x:' .. r.id .. ':' .. i
    local function rename(from, to)
      founding.renames[#founding.renames + 1] = { from, to }
      founding.commands[#founding.commands + 1] = { 'PERSIST', to }
    end
    rename(staged, key)
    local hash = hashOf(key, staged)
    local x = { r = r, i = i, hash = hash, plan = stepOf(r, i).x, again = {}, popped = 0 }
    for _, field in ipairs(SCALARS) do x[field] = 0 end
    x.N, x.n, x.z, x.a, x.t = units, items, size, attempt, started
    x.D, x.d, x.L, x.K = kept.units, kept.items, kept.bytes, kept.units > 0 and 1 or 0
    for _, field in ipairs(SCALARS) do set(hash, field, fmt(x[field])) end
    if not r.items then r.items = {} end
    r.items[i] = x
    if kept.units > 0 then
      rename(staged .. ':z', P .. 'z:' .. r.id .. ':' .. i)
      if not r.itemHashes then r.itemHashes = {} end
      r.itemHashes[i] = hashOf(P .. 'z:' .. r.id .. ':' .. i, staged .. ':z')
    end
    set(r, 'E' .. i, '1')
    setOpt(r, 'E', (opt(r, 'E') or '') .. i .. ',')
    return x
  end

  function hasRoom(x) return x.l < x.plan.m end

  function isReady(x)
    if not hasRoom(x) then return false end
    if x.g > 0 then return true end
    return x.x < x.N and (not x.plan.o or x.x == x.D)
  end

  local function hasEnded(x, item)
    local lease = get(itemHashOf(x.r, x.i), leaseOf[text[item]])
    local first = lease and string.byte(lease)
    return first == 43 or first == 45
  end

  -- The next unit to lend, unless what there was has ended; ask isReady first.
  function takeItem(x)
    if x.g > 0 then
      alter(x, 'g', x.g - 1)
      if #x.again > 0 then return table.remove(x.again) end
      x.popped = x.popped + 1
      steps[x] = true
      return tonumber(call('LINDEX', P .. 'y:' .. x.r.id .. ':' .. x.i, -x.popped))
    end
    local item = x.x
    alter(x, 'x', item + 1)
    if x.K == 1 and hasEnded(x, item) then return nil end
    return item
  end

  function againItem(x, item)
    alter(x, 'g', x.g + 1)
    x.again[#x.again + 1] = item
    steps[x] = true
  end

  -- Has the rest of a step's items queued, when there are any that can be lent and are not.
  function requeue(x)
    if x.q == 0 and isReady(x) then
      alter(x, 'q', 1)
      ready(x.r.id .. ':' .. x.i, x.r.kind.queue)
    end
  end

  function itemText(x, item) return get(x.hash, 'v' .. text[item]) end

  -- How many items a unit has.
  function sizeOf(x, item)
    return item == x.N - 1 and x.n - item * x.z or x.z
  end

  -- A unit has ended. The results of a thousand are put together as soon as all of them have, so that no act has to put
  -- together more.
  local function putTogether(x, item)
    local chunk = math.floor(item / CHUNK)
    local field = 'n' .. text[chunk]
    local ended = tonumber(get(x.hash, field) or 0) + 1
    set(x.hash, field, fmt(ended))
    local first = chunk * CHUNK
    local last = math.min(first + CHUNK, x.N) - 1
    if ended < last - first + 1 then return end
    for place in ipairs(x.plan.u) do
      local fields = {}
      for unit = first, last do fields[#fields + 1] = 'r' .. place .. ':' .. text[unit] end
      getAll(x.hash, fields)
      local results = {}
      for _, of in ipairs(fields) do
        local json = x.hash.c[of]
        if json then results[#results + 1] = json end
      end
      if #results > 0 then set(x.hash, 'c' .. place .. ':' .. text[chunk], table.concat(results, ',')) end
    end
  end

  -- How a unit has ended: `+` or `-`, after so many attempts, with outputs.
  function endUnit(x, item, mark, attempts, outputs)
    alter(x, 'D', x.D + 1)
    alter(x, 'd', x.d + sizeOf(x, item))
    set(itemHashOf(x.r, x.i), leaseOf[text[item]], mark .. attempts)
    if x.plan.o then
      for k = 1, #outputs, 2 do set(x.hash, 'f' .. outputs[k], outputs[k + 1]) end
      return
    end
    for place, name in ipairs(x.plan.u) do
      for k = 1, #outputs, 2 do
        if outputs[k] == name then
          set(x.hash, 'r' .. place .. ':' .. text[item], outputs[k + 1])
          alter(x, 'L', x.L + #outputs[k + 1] + 1)
        end
      end
    end
    putTogether(x, item)
  end

  -- What came out: of each output the list, or in order the last.
  function resultOf(x)
    local outputs = {}
    local chunks = math.ceil(x.N / CHUNK)
    for place, name in ipairs(x.plan.u) do
      if x.plan.o then
        local folded = get(x.hash, 'f' .. name)
        if folded then
          outputs[#outputs + 1] = name
          outputs[#outputs + 1] = folded
        end
      else
        local fields, list = {}, {}
        for chunk = 0, chunks - 1 do fields[#fields + 1] = 'c' .. place .. ':' .. text[chunk] end
        getAll(x.hash, fields)
        for _, field in ipairs(fields) do
          local json = x.hash.c[field]
          if json then list[#list + 1] = json end
        end
        outputs[#outputs + 1] = name
        outputs[#outputs + 1] = '[' .. table.concat(list, ',') .. ']'
      end
    end
    return outputs
  end

  -- Forgets the items of a step; the hashes are dropped as they are.
  function dropItems(r, i)
    local tail = r.id .. ':' .. i
    for _, key in ipairs({ P .. 'x:' .. tail, P .. 'y:' .. tail, P .. 'z:' .. tail }) do
      hashes[key] = nil
      later('UNLINK', key)
    end
    local x = r.items and r.items[i]
    if x then steps[x] = nil end
    if r.items then r.items[i] = false end
    if r.itemHashes then r.itemHashes[i] = nil end
    set(r, 'E' .. i, false)
  end

  -- What changes of the lists of units to be lent again, as commands.
  function writeAgain(write)
    for x in pairs(steps) do
      local key = P .. 'y:' .. x.r.id .. ':' .. x.i
      if x.popped > 0 then write('LTRIM', key, 0, -x.popped - 1) end
      for from = 1, #x.again, 1000 do write('RPUSH', key, unpack(x.again, from, math.min(from + 999, #x.again))) end
    end
  end

  -- An event that may be about an item: of those, a step has only so many.
  function pushOfUnit(r, i, item, event)
    local x = item and itemsOf(r, i)
    if x then
      alter(x, 'e', x.e + 1)
      if x.e > MAX_ITEM_ERRORS then return end
    end
    push(r, event)
  end

  -- One event for each percent: as many as anyone can see, and not more for a longer list.
  function progress(r, i, attempt, done, total)
    local percent = total > 0 and math.min(math.floor(100 * done / total), 100) or 0
    if percent <= tonumber(get(r, '%' .. i) or -1) then return end
    set(r, '%' .. i, percent)
    push(r, '["SP",' .. at .. ',' .. i .. ',' .. attempt .. ',' .. cjson.encode(done) .. ',' .. cjson.encode(total) .. ']')
  end
end
