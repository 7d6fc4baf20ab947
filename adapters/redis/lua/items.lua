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
  local NUMBERS = {
    ITEMS.units, ITEMS.items, ITEMS.unitSize, ITEMS.nextUnit, ITEMS.lent, ITEMS.endedUnits, ITEMS.endedItems,
    ITEMS.memoisedItems, ITEMS.failedItems, ITEMS.retryEvents, ITEMS.failureEvents, ITEMS.errors, ITEMS.resultBytes,
    ITEMS.isQueued, ITEMS.againCount, ITEMS.hasRecords, ITEMS.hasKept, ITEMS.attempt, ITEMS.started
  }

  function itemsOf(run, index)
    if not run.items then run.items = {} end
    local expansion = run.items[index]
    if expansion ~= nil then return expansion end
    expansion = false
    local step = stepOf(run, index)
    if step[STEP.expands] and get(run, OF_STEP.items .. index) then
      local hash = hashOf(prefix .. KEY.items .. run.id .. ':' .. index)
      getAll(hash, NUMBERS)
      expansion = { run = run, index = index, hash = hash, plan = step[STEP.expands], again = {}, popped = 0 }
      for _, field in ipairs(NUMBERS) do expansion[field] = tonumber(hash.known[field] or 0) end
    end
    run.items[index] = expansion
    return expansion
  end

  function alter(expansion, field, value)
    expansion[field] = value
    set(expansion.hash, field, fmt(value))
  end

  -- Where the leases and records of a step's items are.
  function itemHashOf(run, index)
    local items = run.itemHashes
    if not items then
      items = {}
      run.itemHashes = items
    end
    local hash = items[index]
    if hash == nil then
      hash = hashOf(prefix .. KEY.itemWork .. run.id .. ':' .. index)
      -- What was there before, to be put back where the numbers can't be written.
      hash.before = {}
      items[index] = hash
    end
    return hash
  end

  local steps = {}

  -- Begins with items that are in hashes of another name, where a worker has put them: how many units there are, items, items
  -- in a unit; and how many units and items are completed from the start, with how many bytes of results.
  function makeItems(run, index, attempt, started, staged, units, items, size, kept)
    local key = prefix .. KEY.items .. run.id .. ':' .. index
    local function rename(from, to)
      founding.renames[#founding.renames + 1] = { from, to }
      founding.commands[#founding.commands + 1] = { 'PERSIST', to }
    end
    rename(staged, key)
    local hash = hashOf(key, staged)
    local expansion = { run = run, index = index, hash = hash, plan = stepOf(run, index)[STEP.expands], again = {}, popped = 0 }
    for _, field in ipairs(NUMBERS) do expansion[field] = 0 end
    expansion[ITEMS.units], expansion[ITEMS.items], expansion[ITEMS.unitSize], expansion[ITEMS.attempt], expansion[ITEMS.started] = units, items, size, attempt, started
    expansion[ITEMS.endedUnits], expansion[ITEMS.endedItems], expansion[ITEMS.resultBytes], expansion[ITEMS.hasKept] = kept.units, kept.items, kept.bytes, kept.units > 0 and 1 or 0
    for _, field in ipairs(NUMBERS) do set(hash, field, fmt(expansion[field])) end
    if not run.items then run.items = {} end
    run.items[index] = expansion
    if kept.units > 0 then
      rename(staged .. ':z', prefix .. KEY.itemWork .. run.id .. ':' .. index)
      if not run.itemHashes then run.itemHashes = {} end
      run.itemHashes[index] = hashOf(prefix .. KEY.itemWork .. run.id .. ':' .. index, staged .. ':z')
    end
    set(run, OF_STEP.items .. index, '1')
    setOptional(run, RUN.itemSteps, (optional(run, RUN.itemSteps) or '') .. index .. ',')
    return expansion
  end

  function hasRoom(expansion) return expansion[ITEMS.lent] < expansion.plan[EXPANDS.max] end

  function isReady(expansion)
    if not hasRoom(expansion) then return false end
    if expansion[ITEMS.againCount] > 0 then return true end
    return expansion[ITEMS.nextUnit] < expansion[ITEMS.units] and (not expansion.plan[EXPANDS.inOrder] or expansion[ITEMS.nextUnit] == expansion[ITEMS.endedUnits])
  end

  local function hasEnded(expansion, item)
    local lease = get(itemHashOf(expansion.run, expansion.index), leaseOf[text[item]])
    local first = lease and string.byte(lease)
    return first == 43 or first == 45
  end

  -- The next unit to lend, unless what there was has ended; ask isReady first.
  function takeItem(expansion)
    if expansion[ITEMS.againCount] > 0 then
      alter(expansion, ITEMS.againCount, expansion[ITEMS.againCount] - 1)
      if #expansion.again > 0 then return table.remove(expansion.again) end
      expansion.popped = expansion.popped + 1
      steps[expansion] = true
      return tonumber(call('LINDEX', prefix .. KEY.itemsAgain .. expansion.run.id .. ':' .. expansion.index, -expansion.popped))
    end
    local item = expansion[ITEMS.nextUnit]
    alter(expansion, ITEMS.nextUnit, item + 1)
    if expansion[ITEMS.hasKept] == 1 and hasEnded(expansion, item) then return nil end
    return item
  end

  function againItem(expansion, item)
    alter(expansion, ITEMS.againCount, expansion[ITEMS.againCount] + 1)
    expansion.again[#expansion.again + 1] = item
    steps[expansion] = true
  end

  -- Has the rest of a step's items queued, when there are any that can be lent and are not.
  function requeue(expansion)
    if expansion[ITEMS.isQueued] == 0 and isReady(expansion) then
      alter(expansion, ITEMS.isQueued, 1)
      ready(expansion.run.id .. ':' .. expansion.index, expansion.run.kind.queue)
    end
  end

  function itemText(expansion, item) return get(expansion.hash, ITEMS.unit .. text[item]) end

  -- How many items a unit has.
  function sizeOf(expansion, item)
    return item == expansion[ITEMS.units] - 1 and expansion[ITEMS.items] - item * expansion[ITEMS.unitSize] or expansion[ITEMS.unitSize]
  end

  -- A unit has ended. The results of a thousand are put together as soon as all of them have, so that no act has to put
  -- together more.
  local function putTogether(expansion, item)
    local chunk = math.floor(item / BOUND.chunk)
    local field = ITEMS.chunkEnded .. text[chunk]
    local ended = tonumber(get(expansion.hash, field) or 0) + 1
    set(expansion.hash, field, fmt(ended))
    local first = chunk * BOUND.chunk
    local last = math.min(first + BOUND.chunk, expansion[ITEMS.units]) - 1
    if ended < last - first + 1 then return end
    for place in ipairs(expansion.plan[EXPANDS.outputs]) do
      local fields = {}
      for unit = first, last do fields[#fields + 1] = ITEMS.result .. place .. ':' .. text[unit] end
      getAll(expansion.hash, fields)
      local results = {}
      for _, of in ipairs(fields) do
        local json = expansion.hash.known[of]
        if json then results[#results + 1] = json end
      end
      if #results > 0 then set(expansion.hash, ITEMS.chunkResults .. place .. ':' .. text[chunk], table.concat(results, ',')) end
    end
  end

  -- How a unit has ended: `+` or `-`, after so many attempts, with outputs.
  function endUnit(expansion, item, mark, attempts, outputs)
    alter(expansion, ITEMS.endedUnits, expansion[ITEMS.endedUnits] + 1)
    alter(expansion, ITEMS.endedItems, expansion[ITEMS.endedItems] + sizeOf(expansion, item))
    set(itemHashOf(expansion.run, expansion.index), leaseOf[text[item]], mark .. attempts)
    if expansion.plan[EXPANDS.inOrder] then
      for k = 1, #outputs, 2 do set(expansion.hash, ITEMS.folded .. outputs[k], outputs[k + 1]) end
      return
    end
    for place, name in ipairs(expansion.plan[EXPANDS.outputs]) do
      for k = 1, #outputs, 2 do
        if outputs[k] == name then
          set(expansion.hash, ITEMS.result .. place .. ':' .. text[item], outputs[k + 1])
          alter(expansion, ITEMS.resultBytes, expansion[ITEMS.resultBytes] + #outputs[k + 1] + 1)
        end
      end
    end
    putTogether(expansion, item)
  end

  -- What came out: of each output the list, or in order the last.
  function resultOf(expansion)
    local outputs = {}
    local chunks = math.ceil(expansion[ITEMS.units] / BOUND.chunk)
    for place, name in ipairs(expansion.plan[EXPANDS.outputs]) do
      if expansion.plan[EXPANDS.inOrder] then
        local folded = get(expansion.hash, ITEMS.folded .. name)
        if folded then
          outputs[#outputs + 1] = name
          outputs[#outputs + 1] = folded
        end
      else
        local fields, list = {}, {}
        for chunk = 0, chunks - 1 do fields[#fields + 1] = ITEMS.chunkResults .. place .. ':' .. text[chunk] end
        getAll(expansion.hash, fields)
        for _, field in ipairs(fields) do
          local json = expansion.hash.known[field]
          if json then list[#list + 1] = json end
        end
        outputs[#outputs + 1] = name
        outputs[#outputs + 1] = '[' .. table.concat(list, ',') .. ']'
      end
    end
    return outputs
  end

  -- Forgets the items of a step; the hashes are dropped as they are.
  function dropItems(run, index)
    local tail = run.id .. ':' .. index
    for _, key in ipairs({ prefix .. KEY.items .. tail, prefix .. KEY.itemsAgain .. tail, prefix .. KEY.itemWork .. tail }) do
      hashes[key] = nil
      later('UNLINK', key)
    end
    local expansion = run.items and run.items[index]
    if expansion then steps[expansion] = nil end
    if run.items then run.items[index] = false end
    if run.itemHashes then run.itemHashes[index] = nil end
    set(run, OF_STEP.items .. index, false)
  end

  -- What changes of the lists of units to be lent again, as commands.
  function writeAgain(write)
    for expansion in pairs(steps) do
      local key = prefix .. KEY.itemsAgain .. expansion.run.id .. ':' .. expansion.index
      if expansion.popped > 0 then write('LTRIM', key, 0, -expansion.popped - 1) end
      for from = 1, #expansion.again, 1000 do write('RPUSH', key, unpack(expansion.again, from, math.min(from + 999, #expansion.again))) end
    end
  end

  -- An event that may be about an item: of those, a step has only so many.
  function pushOfUnit(run, index, item, event)
    local expansion = item and itemsOf(run, index)
    if expansion then
      alter(expansion, ITEMS.retryEvents, expansion[ITEMS.retryEvents] + 1)
      if expansion[ITEMS.retryEvents] > BOUND.itemErrors then return end
    end
    pushEvent(run, event)
  end

  -- One event for each percent: as many as anyone can see, and not more for a longer list.
  function progress(run, index, attempt, done, total)
    local percent = total > 0 and math.min(math.floor(100 * done / total), 100) or 0
    if percent <= tonumber(get(run, OF_STEP.percent .. index) or -1) then return end
    set(run, OF_STEP.percent .. index, percent)
    pushEvent(run, '["' .. EVENT.stepProgressed .. '",' .. nowText .. ',' .. index .. ',' .. attempt .. ',' .. cjson.encode(done) .. ',' .. cjson.encode(total) .. ']')
  end
end
