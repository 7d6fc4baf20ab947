-- The holders of limits, and the units and runs that wait for limits. A limit has a line for each maximum and each class of
-- waiters: a version of a pipeline, or runs. A run whose version no worker has must not block others: it gives its limits to a
-- run of another version, and takes them back before one of its steps is granted. Meanwhile it waits in the line of a limit,
-- and its units wait for it: their RECORD.line is `@`.
local NONE, MANY, limitsOf, isAbandoned, letGo, leave, admissible, pass, take, give, passOver, reconsider
do
  NONE = {}

  -- How many lines and holders of a limit one act reads.
  MANY = 100

  -- The limits that a unit holds while it is leased. A probe holds none: it computes the limits.
  function limitsOf(step, unit)
    if not step[STEP.isProbed] then return step[STEP.limits] or NONE end
    if not unit[RECORD.isProbed] then return NONE end
    if unit[RECORD.limits] == nil then return step[STEP.limits] or NONE end
    if step[STEP.limits] == nil then return unit[RECORD.limits] end
    local both = {}
    for _, limit in ipairs(step[STEP.limits]) do both[#both + 1] = limit end
    for _, limit in ipairs(unit[RECORD.limits]) do both[#both + 1] = limit end
    return both
  end

  -- -- versions that no worker has ----------------------------------------------------------------------------------------

  local presentDigests
  local served = {}

  -- The digests of the versions of present workers.
  local function digestsOfPresent()
    if presentDigests then return presentDigests end
    presentDigests = {}
    local seen = {}
    local since = fmt(now - BOUND.absentMillis)
    for _, member in ipairs(call('ZREVRANGEBYSCORE', prefix .. KEY.workers, '+inf', since, 'LIMIT', 0, BOUND.looks)) do
      local digest = string.match(member, '^(%x+) ')
      if digest and not seen[digest] then
        seen[digest] = true
        presentDigests[#presentDigests + 1] = digest
      end
    end
    return presentDigests
  end

  -- Whether workers are present, but none of them has a version.
  function isAbandoned(version)
    local known = served[version]
    if known == nil then
      known = #digestsOfPresent() == 0
      for _, digest in ipairs(digestsOfPresent()) do
        if known then break end
        -- Each set has an empty member. A set without it has not been sent yet: its workers may have every version.
        local versions = prefix .. KEY.versions .. digest
        known = call('SISMEMBER', versions, version) == 1 or call('SISMEMBER', versions, '') == 0
      end
      served[version] = known
    end
    return not known
  end

  -- Whether a limit counts runs, and not units.
  local function isOfRuns(key) return string.find(key, '^runs:') or string.find(key, '^schedule:') end

  -- -- holders ------------------------------------------------------------------------------------------------------------

  local heldCounts = {}

  local function heldOf(key)
    local held = heldCounts[key]
    if held == nil then
      held = call('SCARD', prefix .. KEY.held .. key)
      heldCounts[key] = held
    end
    return held
  end

  local function isHolder(key, member)
    local changed = sets[prefix .. KEY.held .. key]
    if changed and changed[member] ~= nil then return changed[member] end
    return call('SISMEMBER', prefix .. KEY.held .. key, member) == 1
  end

  local function hold(key, member)
    heldCounts[key] = heldOf(key) + 1
    memberIn(sets, prefix .. KEY.held .. key, member, true)
  end

  function letGo(key, member)
    if not isHolder(key, member) then return end
    heldCounts[key] = heldOf(key) - 1
    memberIn(sets, prefix .. KEY.held .. key, member, false)
  end

  -- -- lines --------------------------------------------------------------------------------------------------------------

  local lines, linesOfKey = {}, {}

  -- A line as this act sees it: a `page` of the sorted set, and the members that this act has `added` and removed (`gone`).
  local function lineOf(key, name)
    local full = prefix .. KEY.line .. key .. '\n' .. name
    local line = lines[full]
    if line == nil then
      line = { key = full, added = {}, gone = {}, offset = 0, place = 1 }
      lines[full] = line
    end
    return line
  end

  local function nextInPage(line)
    while true do
      if line.page == nil or line.place > #line.page then
        if line.page and #line.page < 2 * MANY then return nil end
        line.page = call('ZRANGE', line.key, line.offset, line.offset + MANY - 1, 'WITHSCORES')
        line.offset = line.offset + MANY
        line.place = 1
        if #line.page == 0 then return nil end
      end
      local member = line.page[line.place]
      if not line.gone[member] and line.added[member] == nil then return member, tonumber(line.page[line.place + 1]) end
      line.place = line.place + 2
    end
  end

  -- Removes the first member of a line and returns it; nil when the line is empty.
  local function leaveFirst(line)
    local member, score = nextInPage(line)
    for added, since in pairs(line.added) do
      local rankOf = tonumber(since)
      if score == nil or rankOf < score then member, score = added, rankOf end
    end
    if member == nil then return nil end
    line.added[member] = nil
    line.gone[member] = true
    zrem(line.key, member)
    return member
  end

  local function isEmpty(line) return next(line.added) == nil and nextInPage(line) == nil end

  function leave(full, member)
    if full == '@' then return end
    local line = lines[full]
    if line then
      line.added[member] = nil
      line.gone[member] = true
    end
    zrem(full, member)
  end

  -- The lines of a limit; of very many lines, a random sample.
  local function linesOf(key)
    local names = linesOfKey[key]
    if names == nil then
      names = {}
      for _, name in ipairs(call('SRANDMEMBER', prefix .. KEY.linesOf .. key, MANY)) do names[name] = true end
      linesOfKey[key] = names
    end
    return names
  end

  admissible = {}

  -- Makes a waiter try again, later in this act. Returns false when it has ended.
  local function wake(member)
    local id, index, item = parse(member)
    if id == nil then
      local run = open(member)
      if not run or isOver(run) then return false end
      admissible[#admissible + 1] = run
      setOptional(run, RUN.line, false)
      return true
    end
    local run = open(id)
    if not run or isOver(run) or isStepOver(run, index) then return false end
    unitOf(run, index, item)[RECORD.line] = nil
    keepUnit(run, index, item)
    readyFirst(member, run.kind.queue)
    return true
  end

  -- Wakes the next waiters of each free place of these limits.
  function pass(limits)
    for _, limit in ipairs(limits) do
      local names = linesOf(limit.key)
      for name in pairs(names) do
        if heldOf(limit.key) < tonumber(string.match(name, '^%d+')) then
          local line = lineOf(limit.key, name)
          local looks = 0
          local member
          repeat
            member = leaveFirst(line)
            looks = looks + 1
          until member == nil or wake(member) or looks >= MANY
          if isEmpty(line) then
            names[name] = nil
            memberIn(sets, prefix .. KEY.linesOf .. limit.key, name, false)
          end
        end
      end
      if next(names) == nil and isOfRuns(limit.key) then memberIn(sets, prefix .. KEY.waits, limit.key, false) end
    end
  end

  local giveAway

  -- Takes all limits for a holder and returns nil. If one is full, puts `waiter` into a line and returns the line's key and the
  -- waiter's serial.
  function take(limits, holder, waiter, class, priority, since)
    local full
    for _, limit in ipairs(limits) do
      if heldOf(limit.key) >= limit.max and not isHolder(limit.key, holder) and not giveAway(limit, holder) then
        full = limit
        break
      end
    end
    if full == nil then
      for _, limit in ipairs(limits) do
        if not isHolder(limit.key, holder) then hold(limit.key, holder) end
      end
      return nil
    end
    local name = fmt(full.max) .. '\n' .. class
    local line = lineOf(full.key, name)
    -- Read before any change: if this fails, the act goes on without this unit.
    local names = linesOf(full.key)
    since = tonumber(since) or nextSerial()
    local score = rank(priority, since)
    line.added[waiter] = score
    line.gone[waiter] = nil
    zadd(line.key, score, waiter)
    names[name] = true
    memberIn(sets, prefix .. KEY.linesOf .. full.key, name, true)
    if isOfRuns(full.key) then memberIn(sets, prefix .. KEY.waits, full.key, true) end
    pass(limits)
    return line.key, since
  end

  function give(limits, holder)
    for _, limit in ipairs(limits) do letGo(limit.key, holder) end
    pass(limits)
  end

  -- How many leases isLeased has read in this act.
  local looksAtLeases = 0

  -- Whether a step of a run is leased. A run with very many steps counts as leased once it has begun, and so does each run after
  -- the act has read too many leases.
  local function isLeased(run)
    local size = run.plan.size
    looksAtLeases = looksAtLeases + size
    if size > BOUND.looks or looksAtLeases > 2 * BOUND.looks then return run.status ~= STATUS.pending end
    local fields = {}
    for index = 0, size - 1 do fields[#fields + 1] = leaseOf[text[index]] end
    getAll(run, fields)
    for _, field in ipairs(fields) do
      if string.match(run.known[field] or '', '^%d') then return true end
    end
    for index in string.gmatch(optional(run, RUN.itemSteps) or '', '(%d+),') do
      local items = itemsOf(run, index)
      if items and items[ITEMS.leased] > 0 then return true end
    end
    return false
  end

  -- Limits that no holder gives away in this act, each with the version that wants it.
  local barren = {}

  -- Frees places of a full limit: runs of another version give their limits away if no worker has that version and none of their
  -- steps is leased. Returns whether there is a free place now.
  giveAway = function(limit, wants)
    if not isOfRuns(limit.key) then return false end
    local other = wants and open(wants)
    local version = other and other.plan.version or ''
    local name = limit.key .. '\n' .. version
    if barren[name] then return false end
    local rest = {}
    for _, member in ipairs(call('SRANDMEMBER', prefix .. KEY.held .. limit.key, MANY)) do
      if heldOf(limit.key) < limit.max then break end
      if isHolder(limit.key, member) then
        local run = open(member)
        if not run or isOver(run) then
          letGo(limit.key, member)
        elseif run.plan.version ~= version and isAbandoned(run.plan.version) and not isLeased(run) then
          setOptional(run, RUN.holdsLimits, '0')
          for _, each in ipairs(cjson.decode(optional(run, RUN.limits))) do
            letGo(each.key, member)
            if each.key ~= limit.key then rest[#rest + 1] = each end
          end
        end
      end
    end
    pass(rest)
    if heldOf(limit.key) < limit.max then return true end
    barren[name] = true
    return false
  end

  -- Checks one random limit of runs, whose holders may have lost their last worker.
  reconsider = function()
    local key = call('SRANDMEMBER', prefix .. KEY.waits)
    if not key then return end
    for name in pairs(linesOf(key)) do
      giveAway({ key = key, max = tonumber(string.match(name, '^%d+')) })
    end
    pass({ { key = key } })
  end

  -- For a unit that has ended: if it was woken for a free place, wakes the next waiter in its place.
  function passOver(run, index, item)
    local unit = lookAt(run, index, item)
    if unit[RECORD.waitsSince] then pass(limitsOf(stepOf(run, index), unit)) end
  end
end
