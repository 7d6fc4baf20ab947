-- The items of a step, in units of one item or several. In memory, core's Expansion does the same.
local itemsOf, alter, itemHashOf, makeItems, hasRoom, isReady, takeItem, againItem, requeue, itemText, sizeOf, endUnit, resultOf,
  dropItems, writeAgain, pushOfUnit, progress
do
  local NUMBERS = {
    ITEMS.units, ITEMS.items, ITEMS.unitSize, ITEMS.nextUnit, ITEMS.leased, ITEMS.endedUnits, ITEMS.endedItems,
    ITEMS.memoisedItems, ITEMS.failedItems, ITEMS.retryEvents, ITEMS.failureEvents, ITEMS.errors, ITEMS.resultBytes,
    ITEMS.isQueued, ITEMS.againCount, ITEMS.hasRecords, ITEMS.hasKept, ITEMS.attempt, ITEMS.started
  }

  function itemsOf(run, index)
    if not run.items then run.items = {} end
    local items = run.items[index]
    if items ~= nil then return items end
    items = false
    local step = stepOf(run, index)
    if step[STEP.expands] and get(run, OF_STEP.items .. index) then
      local hash = hashOf(prefix .. KEY.items .. run.id .. ':' .. index)
      getAll(hash, NUMBERS)
      items = { run = run, index = index, hash = hash, plan = step[STEP.expands], again = {}, popped = 0 }
      for _, field in ipairs(NUMBERS) do items[field] = tonumber(hash.known[field] or 0) end
    end
    run.items[index] = items
    return items
  end

  function alter(items, field, value)
    items[field] = value
    set(items.hash, field, fmt(value))
  end

  -- The hash of the leases and records of a step's items.
  function itemHashOf(run, index)
    local hashOfStep = run.itemHashes
    if not hashOfStep then
      hashOfStep = {}
      run.itemHashes = hashOfStep
    end
    local hash = hashOfStep[index]
    if hash == nil then
      hash = hashOf(prefix .. KEY.itemWork .. run.id .. ':' .. index)
      -- The old texts of changed fields. `commit` restores them if Redis refuses the counters of the items.
      hash.before = {}
      hashOfStep[index] = hash
    end
    return hash
  end

  local steps = {}

  -- Makes the items of a step from staged ones: number of units, number of items, and items in a unit. `kept` has the units,
  -- items and bytes of results that are completed from the start.
  function makeItems(run, index, attempt, started, staged, units, itemCount, size, kept)
    local key = prefix .. KEY.items .. run.id .. ':' .. index
    local function rename(from, to)
      founding.renames[#founding.renames + 1] = { from, to }
      founding.commands[#founding.commands + 1] = { 'PERSIST', to }
    end
    rename(staged, key)
    local hash = hashOf(key, staged)
    local items = { run = run, index = index, hash = hash, plan = stepOf(run, index)[STEP.expands], again = {}, popped = 0 }
    for _, field in ipairs(NUMBERS) do items[field] = 0 end
    items[ITEMS.units], items[ITEMS.items], items[ITEMS.unitSize] = units, itemCount, size
    items[ITEMS.attempt], items[ITEMS.started] = attempt, started
    items[ITEMS.endedUnits], items[ITEMS.endedItems] = kept.units, kept.items
    items[ITEMS.resultBytes], items[ITEMS.hasKept] = kept.bytes, kept.units > 0 and 1 or 0
    for _, field in ipairs(NUMBERS) do set(hash, field, fmt(items[field])) end
    if not run.items then run.items = {} end
    run.items[index] = items
    if kept.units > 0 then
      rename(staged .. ':z', prefix .. KEY.itemWork .. run.id .. ':' .. index)
      if not run.itemHashes then run.itemHashes = {} end
      run.itemHashes[index] = hashOf(prefix .. KEY.itemWork .. run.id .. ':' .. index, staged .. ':z')
    end
    set(run, OF_STEP.items .. index, '1')
    setOptional(run, RUN.itemSteps, (optional(run, RUN.itemSteps) or '') .. index .. ',')
    return items
  end

  function hasRoom(items) return items[ITEMS.leased] < items.plan[EXPANDS.max] end

  function isReady(items)
    if not hasRoom(items) then return false end
    if items[ITEMS.againCount] > 0 then return true end
    local next = items[ITEMS.nextUnit]
    return next < items[ITEMS.units] and (not items.plan[EXPANDS.inOrder] or next == items[ITEMS.endedUnits])
  end

  local function hasEnded(items, item)
    local lease = get(itemHashOf(items.run, items.index), leaseOf[text[item]])
    local first = lease and string.byte(lease)
    return first == 43 or first == 45
  end

  -- Takes the next unit to grant; nil if that unit has ended already. Call isReady first.
  function takeItem(items)
    if items[ITEMS.againCount] > 0 then
      alter(items, ITEMS.againCount, items[ITEMS.againCount] - 1)
      if #items.again > 0 then return table.remove(items.again) end
      items.popped = items.popped + 1
      steps[items] = true
      return tonumber(call('LINDEX', prefix .. KEY.itemsAgain .. items.run.id .. ':' .. items.index, -items.popped))
    end
    local item = items[ITEMS.nextUnit]
    alter(items, ITEMS.nextUnit, item + 1)
    if items[ITEMS.hasKept] == 1 and hasEnded(items, item) then return nil end
    return item
  end

  function againItem(items, item)
    alter(items, ITEMS.againCount, items[ITEMS.againCount] + 1)
    items.again[#items.again + 1] = item
    steps[items] = true
  end

  -- Queues a step when one of its items can be granted and the step is not queued.
  function requeue(items)
    if items[ITEMS.isQueued] == 0 and isReady(items) then
      alter(items, ITEMS.isQueued, 1)
      ready(items.run.id .. ':' .. items.index, items.run.kind.queue)
    end
  end

  function itemText(items, item) return get(items.hash, ITEMS.unit .. text[item]) end

  -- How many items a unit has.
  function sizeOf(items, item)
    local size = items[ITEMS.unitSize]
    return item == items[ITEMS.units] - 1 and items[ITEMS.items] - item * size or size
  end

  -- Counts an ended unit in its chunk. Joins the results of a chunk once all of its units have ended, so that no act joins more
  -- than one chunk.
  local function putTogether(items, item)
    local chunk = math.floor(item / BOUND.chunk)
    local field = ITEMS.chunkEnded .. text[chunk]
    local ended = tonumber(get(items.hash, field) or 0) + 1
    set(items.hash, field, fmt(ended))
    local first = chunk * BOUND.chunk
    local last = math.min(first + BOUND.chunk, items[ITEMS.units]) - 1
    if ended < last - first + 1 then return end
    for place in ipairs(items.plan[EXPANDS.outputs]) do
      local fields = {}
      for unit = first, last do fields[#fields + 1] = ITEMS.result .. place .. ':' .. text[unit] end
      getAll(items.hash, fields)
      local results = {}
      for _, of in ipairs(fields) do
        local json = items.hash.known[of]
        if json then results[#results + 1] = json end
      end
      if #results > 0 then
        set(items.hash, ITEMS.chunkResults .. place .. ':' .. text[chunk], table.concat(results, ','))
      end
    end
  end

  -- Ends a unit. `mark` is one of END.
  function endUnit(items, item, mark, attempts, outputs)
    alter(items, ITEMS.endedUnits, items[ITEMS.endedUnits] + 1)
    alter(items, ITEMS.endedItems, items[ITEMS.endedItems] + sizeOf(items, item))
    set(itemHashOf(items.run, items.index), leaseOf[text[item]], mark .. attempts)
    if items.plan[EXPANDS.inOrder] then
      for k = 1, #outputs, 2 do set(items.hash, ITEMS.folded .. outputs[k], outputs[k + 1]) end
      return
    end
    for place, name in ipairs(items.plan[EXPANDS.outputs]) do
      for k = 1, #outputs, 2 do
        if outputs[k] == name then
          set(items.hash, ITEMS.result .. place .. ':' .. text[item], outputs[k + 1])
          alter(items, ITEMS.resultBytes, items[ITEMS.resultBytes] + #outputs[k + 1] + 1)
        end
      end
    end
    putTogether(items, item)
  end

  -- The outputs of a step: a list each; or, for items in order, the outputs of the last item.
  function resultOf(items)
    local outputs = {}
    local chunks = math.ceil(items[ITEMS.units] / BOUND.chunk)
    for place, name in ipairs(items.plan[EXPANDS.outputs]) do
      if items.plan[EXPANDS.inOrder] then
        local folded = get(items.hash, ITEMS.folded .. name)
        if folded then
          outputs[#outputs + 1] = name
          outputs[#outputs + 1] = folded
        end
      else
        local fields, list = {}, {}
        for chunk = 0, chunks - 1 do fields[#fields + 1] = ITEMS.chunkResults .. place .. ':' .. text[chunk] end
        getAll(items.hash, fields)
        for _, field in ipairs(fields) do
          local json = items.hash.known[field]
          if json then list[#list + 1] = json end
        end
        outputs[#outputs + 1] = name
        outputs[#outputs + 1] = '[' .. table.concat(list, ',') .. ']'
      end
    end
    return outputs
  end

  -- Forgets the items of a step.
  function dropItems(run, index)
    local tail = run.id .. ':' .. index
    for _, key in ipairs({ prefix .. KEY.items .. tail, prefix .. KEY.itemsAgain .. tail, prefix .. KEY.itemWork .. tail }) do
      hashes[key] = nil
      later('UNLINK', key)
    end
    local items = run.items and run.items[index]
    if items then steps[items] = nil end
    if run.items then run.items[index] = false end
    if run.itemHashes then run.itemHashes[index] = nil end
    set(run, OF_STEP.items .. index, false)
  end

  -- Writes the changes of the lists of units to grant again.
  function writeAgain(write)
    for items in pairs(steps) do
      local key = prefix .. KEY.itemsAgain .. items.run.id .. ':' .. items.index
      if items.popped > 0 then write('LTRIM', key, 0, -items.popped - 1) end
      for from = 1, #items.again, 1000 do
        write('RPUSH', key, unpack(items.again, from, math.min(from + 999, #items.again)))
      end
    end
  end

  -- Adds an event about a step or one of its items. Events about items stop after BOUND.itemErrors for each step.
  function pushOfUnit(run, index, item, event)
    local items = item and itemsOf(run, index)
    if items then
      alter(items, ITEMS.retryEvents, items[ITEMS.retryEvents] + 1)
      if items[ITEMS.retryEvents] > BOUND.itemErrors then return end
    end
    pushEvent(run, event)
  end

  -- Adds a progress event, at most one for each percent.
  function progress(run, index, attempt, done, total)
    local percent = total > 0 and math.min(math.floor(100 * done / total), 100) or 0
    if percent <= tonumber(get(run, OF_STEP.percent .. index) or -1) then return end
    set(run, OF_STEP.percent .. index, percent)
    pushEvent(run, '["' .. EVENT.stepProgressed .. '",' .. nowText .. ',' .. index .. ',' .. attempt .. ',' .. cjson.encode(done)
      .. ',' .. cjson.encode(total) .. ']')
  end
end
