-- Which ready work is lent to which worker: as core's Dispatch and ReadyQueue do it in memory. One act looks at so many units
-- and answers with so many bytes; where it stops before there is nothing left, it says so.
local moreFrom, isAloneWaiting, broken, lendAll
do
  -- How many leases begin, and when these end.
  local lentCount, leaseEnd = 0, nil
  -- How many bytes of remembered results this act has given to steps, and whether it has no room for more.
  local recalledBytes, isFullOfMemos = 0, false
  -- How many times work was lent; with the place of a lease among those of its act, that makes its token.
  local calls
  -- Where to go on when there may be more than was looked at: a place among the queues.
  local looks = 0
  -- How many bytes of values count as one more thing that was looked at.
  local BYTES_OF_LOOK = 65536
  moreFrom = nil
  isAloneWaiting = false
  -- Units that could not be looked at, and why.
  broken = {}

  -- What a script says most, made once.
  local STARTED = '["SS",' .. at .. ','
  local startedFirst = remembering(function(i) return STARTED .. i .. ',1]' end)
  local leaseTail
  -- Of a first attempt without more: its number, failures, how long ago the first began, phase and item.
  local FIRST = '\0311\0310\0310\031R\031\031'

  local function grant(r, i, item, ref, step, unit, limits, worker, isAlone)
    local phase = 'R'
    if step.x and item == nil then phase = 'E' elseif step.p and not unit.p then phase = 'P' end
    local attemptNumber = phase == 'P' and 0 or unit.a + 1
    local attempt = text[attemptNumber]
    lentCount = lentCount + 1
    local token = calls .. text[10000 + lentCount]
    local x = item and itemsOf(r, i)
    local isPlain = phase == 'R' and #limits == 0 and not isAlone
    local hash, field = leaseField(r, i, item)
    local shown = isAlone and string.lower(phase) or phase
    set(hash, field, token .. '|' .. attempt .. (isPlain and leaseTail
      or ('|' .. at .. '|' .. shown .. (#limits > 0 and '|1|' or '|0|') .. worker)))
    arrive(keyOf.leases, leaseEnd, ref .. '|' .. token)
    if x then
      alter(x, 'l', x.l + 1)
    elseif phase ~= 'P' then
      if r.s == 'P' then begin(r) end
      if attemptNumber > 1 and get(r, '%' .. i) then set(r, '%' .. i, false) end
      push(r, attemptNumber == 1 and startedFirst[i] or STARTED .. i .. ',' .. attempt .. ']')
    end
    if isPlain and unit == FRESH and not x then
      answer.say(ref .. '\31' .. token .. FIRST .. r.kind.queue .. '\31' .. step.n)
    else
      answer.say(ref .. '\31' .. token .. '\31' .. attempt .. '\31' .. text[unit.f] .. '\31' .. (unit.a == 0 and '0' or fmt(now - unit.t))
        .. '\31' .. shown .. '\31' .. (x and itemText(x, item) or '') .. '\31' .. r.kind.queue .. '\31' .. step.n)
    end
    answer.sayValues(r, i, step, phase, x)
  end

  -- What a run has to hold before a step of it is lent: what it gave away while no worker had its version.
  local function limitsOfRun(r)
    if not has(r, 'k') or opt(r, 'a') ~= '0' then return nil end
    return cjson.decode(opt(r, 'k'))
  end

  -- Whether a run has its limits now; if not, it waits for them.
  local function takePlace(r, limits)
    if opt(r, 'w') then return false end
    local line, since = take(limits, r.id, r.id, 'run', r.kind.priority, opt(r, 'H'))
    if line then
      setOpt(r, 'w', line)
      setOpt(r, 'H', fmt(since))
      return false
    end
    setOpt(r, 'a', '1')
    return true
  end

  -- Whether a unit has its limits now; if not, it waits for them. `waiter` waits in its place.
  local function holds(r, i, item, ref, limits, waiter)
    local ofRun = limitsOfRun(r)
    if #limits == 0 and ofRun == nil then return true end
    local unit = unitOf(r, i, waiter)
    if ofRun and not takePlace(r, ofRun) then
      -- If it was told of a free place of another limit, the next one is.
      if unit.h then pass(limits) end
      unit.w = '@'
      keepUnit(r, i, waiter)
      return false
    end
    local line, since
    if #limits > 0 then
      line, since = take(limits, refOf(r, i, item), refOf(r, i, waiter), versionOf[r.kind.queue], r.kind.priority, unit.h)
    end
    if line then
      unit.w, unit.h = line, since
      keepUnit(r, i, waiter)
      return false
    end
    if unit.h then
      unit.h = nil
      keepUnit(r, i, waiter)
    end
    return true
  end

  -- Reads the values of a unit. Gives `full` where it has no room in the answer; and `over` where they are more than a step may be
  -- called with, which fails it.
  local function problemOf(r, i, item, step, phase, unit, x)
    if answer.isSame(r, i, x) then return item and answer.isFull(#itemText(x, item)) and 'full' or nil end
    local bytes = answer.readValues(r, step, phase)
    -- Also where nothing is lent, an act reads so many bytes only.
    looks = looks + math.floor(bytes / BYTES_OF_LOOK)
    if bytes > MAX_INPUTS * maxValueBytes then
      local attempt, started = unit.a, now
      if item then
        attempt, started = x.a, x.t
      else
        begin(r)
        push(r, '["SS",' .. at .. ',' .. i .. ',' .. text[attempt] .. ']')
      end
      failStep(r, i, attempt, started, '{"#":"inputs","step":' .. quote(step.n) .. ',"bytes":' .. fmt(bytes) .. '}')
      return 'over'
    end
    return answer.isFull(bytes + answer.ownBytes(r, i, phase, x) + (item and #itemText(x, item) or 0)) and 'full' or nil
  end

  -- Lends a unit, unless what it would give is known, its limits are used up and it waits for them, or its values are too
  -- many bytes. Gives false when the answer is full.
  local function lendOne(r, i, item, ref, worker, recalled, isAlone)
    local step, unit = stepOf(r, i), lookAt(r, i, item)
    local limits = limitsOf(step, unit)
    local known = unit.m and recall(unit.m)
    if known then
      local bytes = bytesOfOutputs(known)
      if recalledBytes > 0 and recalledBytes + bytes > MAX_REPLY then
        isFullOfMemos = true
        return false
      end
      recalledBytes = recalledBytes + bytes
      if unit.h then pass(limits) end
      recalled[#recalled + 1] = { r, i, item, known }
      return true
    end
    local x = item and itemsOf(r, i)
    local problem = problemOf(r, i, item, step, step.x and item == nil and 'E' or 'R', unit, x)
    if problem == 'full' then return false end
    if problem == 'over' then
      if unit.h then pass(limits) end
      return true
    end
    if holds(r, i, item, ref, limits, item) then grant(r, i, item, ref, step, unit, limits, worker, isAlone) end
    return true
  end

  -- What is read of a run to lend a step of it: what was needed for the one before of its queue, as far as that is known.
  local wanted = {}

  local function wantedOf(queue, i)
    local of = wanted[queue]
    return of and of[i] or HEAD
  end

  local function learn(r, i, step)
    local of = wanted[r.kind.queue]
    if of == nil then
      of = {}
      wanted[r.kind.queue] = of
    elseif of[i] then
      return
    end
    local fields = { 'h', 'm', leaseOf[i] }
    for _, name in ipairs(step.d) do fields[#fields + 1] = fieldOf[name] end
    of[i] = #fields < 20 and fields or HEAD
  end

  -- Whether a unit is lent already, or has ended.
  local function isTaken(r, i, item)
    local hash, field = leaseField(r, i, item)
    local lease = get(hash, field)
    return lease and lease ~= ''
  end

  -- Whether a unit runs alone, and so waits for an idle worker: one that has waited for a limit, which the next one is told of.
  local function isSetApart(r, i, item)
    if not isLone(lookAt(r, i, item)) then return false end
    passOver(r, i, item)
    again(r, i, item)
    return true
  end

  -- Lends a unit, or as many items as are wanted of the step that it stands for. Gives `more` where some of these are left, and
  -- `full` where the answer has no room for it.
  local function lend(ref, queue, max, worker, recalled)
    local id, i, item = parse(ref)
    local r = runs[id]
    if r == nil then
      r = openWith(id, wantedOf(queue, i))
    elseif r and not item then
      getAll(r, wantedOf(queue, i))
    end
    if not r then return nil end
    if isOver(r) or (r.x and get(r, 'o' .. i)) then
      passOver(r, i, item)
      return nil
    end
    local step = stepOf(r, i)
    local x = step.x and itemsOf(r, i)
    if not x then
      learn(r, i, step)
      -- An item of a step that has begun anew has no place any more.
      if item or isTaken(r, i) or isSetApart(r, i) then return nil end
      return not lendOne(r, i, nil, ref, worker, recalled) and 'full' or nil
    end
    if item then
      if isTaken(r, i, item) or isSetApart(r, i, item) then return nil end
      -- An item that has waited for a limit; now as many others may be under way as there may.
      if hasRoom(x) then return not lendOne(r, i, item, ref, worker, recalled) and 'full' or nil end
      passOver(r, i, item)
      local unit = unitOf(r, i, item)
      unit.h = nil
      keepUnit(r, i, item)
      againItem(x, item)
      return nil
    end
    local hasNoRoom = false
    while isReady(x) and lentCount < max and looks < MAX_LOOKS and not hasNoRoom do
      looks = looks + 1
      local shared = step.p and NONE or limitsOf(step, lookAt(r, i))
      local one = takeItem(x)
      if one then
        local problem = not step.p and problemOf(r, i, one, step, 'R', FRESH, x)
        if step.p and not lendOne(r, i, one, refOf(r, i, one), worker, recalled) then problem = 'full' end
        if isOver(r) or isStepOver(r, i) then
          passOver(r, i, nil)
          return nil
        end
        if problem == 'full' then
          againItem(x, one)
          hasNoRoom = true
        elseif not step.p then
          -- Where all items need the same, the step waits for it, and not each of its items by itself.
          if not holds(r, i, one, refOf(r, i, one), shared, nil) then
            againItem(x, one)
            return nil
          end
          grant(r, i, one, refOf(r, i, one), step, lookAt(r, i, one), shared, worker)
        end
      end
    end
    alter(x, 'q', isReady(x) and 1 or 0)
    if hasNoRoom then return 'full' end
    return x.q == 1 and 'more' or nil
  end

  -- A unit that can't be looked at costs the others nothing. It is found again by the mender.
  local function tryToLend(ref, queue, max, worker, recalled)
    local isDone, left = pcall(lend, ref, queue, max, worker, recalled)
    if isDone then return left end
    local why = type(left) == 'table' and left.err or tostring(left)
    -- What the user may not do is no fault of the unit.
    if string.find(why, 'NOPERM', 1, true) or string.find(why, 'executing the script', 1, true) then error(left, 0) end
    broken[#broken + 1] = ref .. ' ' .. why
    later('SET', P .. 'torn', at)
    return nil
  end

  -- Whether a worker has the version of a queue, whose pipeline is not paused.
  local function isWanted(versions, known, queue)
    local version = versionOf[queue]
    if known[version] == nil then
      known[version] = call('SISMEMBER', versions, version) == 1
        and call('SISMEMBER', P .. 'paused', string.sub(version, string.find(version, ':', 1, true) + 1)) == 0
    end
    return known[version]
  end

  -- Queues in their order: those that are there, and those that this act has filled, which come behind others of their
  -- priority.
  local function eachQueue(from, visit)
    local new = {}
    for name, queue in pairs(queues) do
      if sizeBefore(queue) == 0 and sizeNow(queue) > 0 then
        queue.turn = turnOf(name)
        new[#new + 1] = name
      end
    end
    table.sort(new, function(one, other) return tonumber(queues[one].turn) < tonumber(queues[other].turn) end)
    local at_, offset = 1, from
    while true do
      local page = call('ZRANGE', P .. 'ready', offset, offset + 15, 'WITHSCORES')
      offset = offset + 16
      for k = 1, #page, 2 do
        while new[at_] and tonumber(queues[new[at_]].turn) < tonumber(page[k + 1]) do
          if visit(new[at_], offset - 16) then return end
          at_ = at_ + 1
        end
        if visit(page[k], offset - 16) then return end
      end
      if #page < 32 then break end
    end
    while new[at_] do
      if visit(new[at_], 0) then return end
      at_ = at_ + 1
    end
  end

  -- How many units of a queue are looked at in vain before another queue has its turn.
  local MAX_IN_VAIN = 100

  -- Lends what is ready now: the highest priority first, within one the pipelines in turn.
  local function lendOnce(worker, versions, max, known, from)
    local recalled = {}
    local visited = 0
    eachQueue(from, function(name, place)
      visited = visited + 1
      if lentCount >= max then return true end
      if looks >= MAX_LOOKS or visited > MAX_LOOKS then
        moreFrom = moreFrom or place
        return true
      end
      if not isWanted(versions, known, name) then return false end
      local queue = queueOf(name)
      local before, inVain = lentCount, 0
      local hasNoRoom = false
      while lentCount < max and looks < MAX_LOOKS and inVain < MAX_IN_VAIN do
        local ref = takeRef(queue)
        if not ref then break end
        looks = looks + 1
        local lentBefore = lentCount
        local left = tryToLend(ref, name, max, worker, recalled)
        inVain = lentCount > lentBefore and 0 or inVain + 1
        if left == 'more' then
          queue.back[#queue.back + 1] = ref
        elseif left == 'full' then
          putBack(queue, ref)
          hasNoRoom = true
          break
        end
      end
      count(name, before - lentCount)
      queue.isServed = true
      queue.turn = nil
      if hasNoRoom then
        -- A worker that was lent nothing would wait.
        if lentCount == 0 then moreFrom = 0 end
        return true
      end
      if lentCount < max and sizeNow(queue) > 0 then moreFrom = 0 end
      return false
    end)
    for _, one in ipairs(recalled) do remember(unpack(one)) end
    return #recalled > 0
  end

  -- A unit that lost workers before is lent to a worker that has nothing else, and gets nothing else. Whether one was.
  local function lendAlone(worker, versions, known, isIdle)
    for _, name in ipairs(call('ZRANGE', P .. 'alone', 0, 99)) do
      if isWanted(versions, known, name) then
        if not isIdle then
          isAloneWaiting = true
          return false
        end
        local key = P .. 'a:' .. name
        local refs = call('LRANGE', key, 0, 99)
        local taken = 0
        while taken < #refs and lentCount == 0 do
          taken = taken + 1
          local ref, recalled = refs[taken], {}
          local id, i, item = parse(ref)
          local r = open(id)
          if r and not isOver(r) and not isStepOver(r, i) and not isTaken(r, i, item) and (item == nil or itemsOf(r, i)) then
            local isAnswered = lendOne(r, i, item, ref, worker, recalled, true)
            for _, one in ipairs(recalled) do remember(unpack(one)) end
            if not isAnswered then
              taken = taken - 1
              break
            end
          end
        end
        later('LTRIM', key, taken, -1)
        if taken == #refs and #refs < 100 and not lone[name] then zrem(P .. 'alone', name) end
        count(name, -taken)
        if lentCount > 0 then return true end
      end
    end
    return false
  end

  function lendAll(worker, digest, max, leaseMillis, isIdle, from)
    local known = {}
    local versions = P .. 'versions:' .. digest
    leaseEnd = fmt(now + leaseMillis)
    leaseTail = '|' .. at .. '|R|0|' .. worker
    calls = fmt(tonumber(call('GET', P .. 'tokens') or 0) + 1)
    if not (call('EXISTS', P .. 'alone') == 1 and lendAlone(worker, versions, known, isIdle)) then
      -- What is known already may make other steps ready.
      while lendOnce(worker, versions, max, known, from) and looks < MAX_LOOKS and not isFullOfMemos do
        keepTodo(workOffAll(false), 'RPUSH')
        admitNext()
      end
    end
    if lentCount == 0 then return '' end
    later('SET', P .. 'tokens', calls)
    return answer.text()
  end
end
