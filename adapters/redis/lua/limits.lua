-- Who holds which limits, and who waits for them. `held:<limit>` is the set of its holders: units that are lent, and runs
-- under way. `lines:<limit>` is a set of lines, each for one number of places and one class of those who wait (a version, or
-- runs); `line:<limit>` and the name of the line is a sorted set of them by priority and since when they wait.
-- `waits` is the set of the limits of runs that runs wait for.
--
-- A run whose version no worker has keeps no place from others: it gives its limits away to a run of another version (`a` of
-- the run is '0' then), and takes them again before a step of it is lent. Meanwhile the run waits in the line of the limit,
-- and its units, whose `w` is '@', until it has them.
local NONE, MANY, limitsOf, isAbandoned, letGo, leave, admissible, pass, take, give, passOver, reconsider
do
  NONE = {}

  -- How many lines and holders are looked at when a limit has very many.
  MANY = 100

  -- What a unit has to hold while it is lent. A probe holds nothing: it is what finds that out.
  function limitsOf(step, unit)
    if not step.p then return step.k or NONE end
    if not unit.p then return NONE end
    if unit.k == nil then return step.k or NONE end
    if step.k == nil then return unit.k end
    local both = {}
    for _, limit in ipairs(step.k) do both[#both + 1] = limit end
    for _, limit in ipairs(unit.k) do both[#both + 1] = limit end
    return both
  end

  -- -- versions that no worker has ----------------------------------------------------------------------------------------

  local presentDigests
  local served = {}

  -- The sets of versions that workers have which are there.
  local function digestsOfPresent()
    if presentDigests then return presentDigests end
    presentDigests = {}
    local seen = {}
    for _, member in ipairs(call('ZREVRANGEBYSCORE', P .. 'workers', '+inf', fmt(now - ABSENT_MILLIS), 'LIMIT', 0, MAX_LOOKS)) do
      local digest = string.match(member, '^(%x+) ')
      if digest and not seen[digest] then
        seen[digest] = true
        presentDigests[#presentDigests + 1] = digest
      end
    end
    return presentDigests
  end

  -- Whether no worker that is there has a version, though there are workers.
  function isAbandoned(version)
    local known = served[version]
    if known == nil then
      known = #digestsOfPresent() == 0
      for _, digest in ipairs(digestsOfPresent()) do
        if known then break end
        -- Each set has an empty member: one that is not there has yet to be brought, and may have everything.
        local set = P .. 'versions:' .. digest
        known = call('SISMEMBER', set, version) == 1 or call('SISMEMBER', set, '') == 0
      end
      served[version] = known
    end
    return not known
  end

  -- Whether runs hold a limit, and not units.
  local function isOfRuns(key) return string.find(key, '^runs:') or string.find(key, '^schedule:') end

  -- -- holders ------------------------------------------------------------------------------------------------------------

  local heldCounts = {}

  local function heldOf(key)
    local held = heldCounts[key]
    if held == nil then
      held = call('SCARD', P .. 'held:' .. key)
      heldCounts[key] = held
    end
    return held
  end

  local function isHolder(key, member)
    local set = sets[P .. 'held:' .. key]
    if set and set[member] ~= nil then return set[member] end
    return call('SISMEMBER', P .. 'held:' .. key, member) == 1
  end

  local function hold(key, member)
    heldCounts[key] = heldOf(key) + 1
    memberIn(sets, P .. 'held:' .. key, member, true)
  end

  function letGo(key, member)
    if not isHolder(key, member) then return end
    heldCounts[key] = heldOf(key) - 1
    memberIn(sets, P .. 'held:' .. key, member, false)
  end

  -- -- lines --------------------------------------------------------------------------------------------------------------

  local lines, linesOfKey = {}, {}

  -- A line as it is in this act: `page` of the sorted set, and what this act has `added`, by member.
  local function lineOf(key, name)
    local full = P .. 'line:' .. key .. '\n' .. name
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

  -- The first of a line leaves it; nothing when there is none.
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

  -- The lines of a limit; of very many, some by chance.
  local function linesOf(key)
    local names = linesOfKey[key]
    if names == nil then
      names = {}
      for _, name in ipairs(call('SRANDMEMBER', P .. 'lines:' .. key, MANY)) do names[name] = true end
      linesOfKey[key] = names
    end
    return names
  end

  admissible = {}

  -- Whether one that has waited may try again; it must not try at once.
  local function wake(member)
    local id, i, item = parse(member)
    if id == nil then
      local r = open(member)
      if not r or isOver(r) then return false end
      admissible[#admissible + 1] = r
      setOpt(r, 'w', false)
      return true
    end
    local r = open(id)
    if not r or isOver(r) or isStepOver(r, i) then return false end
    unitOf(r, i, item).w = nil
    keepUnit(r, i, item)
    readyFirst(member, r.kind.queue)
    return true
  end

  -- Tells the next ones of each free place of these limits.
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
            memberIn(sets, P .. 'lines:' .. limit.key, name, false)
          end
        end
      end
      if next(names) == nil and isOfRuns(limit.key) then memberIn(sets, P .. 'waits', limit.key, false) end
    end
  end

  local giveAway

  -- Takes every limit for a holder and gives nothing; or gives the line that `waiter` waits in from now on, and since when.
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
    -- Read before anything is put down: where that fails, the act goes on without this unit.
    local names = linesOf(full.key)
    since = tonumber(since) or nextSerial()
    local score = rank(priority, since)
    line.added[waiter] = score
    line.gone[waiter] = nil
    zadd(line.key, score, waiter)
    names[name] = true
    memberIn(sets, P .. 'lines:' .. full.key, name, true)
    if isOfRuns(full.key) then memberIn(sets, P .. 'waits', full.key, true) end
    pass(limits)
    return line.key, since
  end

  function give(limits, holder)
    for _, limit in ipairs(limits) do letGo(limit.key, holder) end
    pass(limits)
  end

  -- How many leases this act has looked at to find that out.
  local looksAtLeases = 0

  -- Whether a worker has a part of a run. One with very many steps, or for which this act has no time any more, is taken to be
  -- lent once it has begun.
  local function isLent(r)
    local size = r.plan.size
    looksAtLeases = looksAtLeases + size
    if size > MAX_LOOKS or looksAtLeases > 2 * MAX_LOOKS then return r.s ~= 'P' end
    local fields = {}
    for i = 0, size - 1 do fields[#fields + 1] = leaseOf[text[i]] end
    getAll(r, fields)
    for _, field in ipairs(fields) do
      if string.match(r.c[field] or '', '^%d') then return true end
    end
    for i in string.gmatch(opt(r, 'E') or '', '(%d+),') do
      local x = itemsOf(r, i)
      if x and x.l > 0 then return true end
    end
    return false
  end

  -- Limits of which no more is to be had in this act, by those who wanted it.
  local barren = {}

  -- A limit is full: runs that hold it, that no worker has, that are not of the version of the one that wants it and of
  -- which nothing is lent give their limits away. Whether there is a place now.
  giveAway = function(limit, wants)
    if not isOfRuns(limit.key) then return false end
    local other = wants and open(wants)
    local version = other and other.plan.version or ''
    local name = limit.key .. '\n' .. version
    if barren[name] then return false end
    local rest = {}
    for _, member in ipairs(call('SRANDMEMBER', P .. 'held:' .. limit.key, MANY)) do
      if heldOf(limit.key) < limit.max then break end
      if isHolder(limit.key, member) then
        local r = open(member)
        if not r or isOver(r) then
          letGo(limit.key, member)
        elseif r.plan.version ~= version and isAbandoned(r.plan.version) and not isLent(r) then
          setOpt(r, 'a', '0')
          for _, each in ipairs(cjson.decode(opt(r, 'k'))) do
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

  -- Runs that wait for a limit may do so behind one that no worker has any more. Looks at one limit.
  reconsider = function()
    local key = call('SRANDMEMBER', P .. 'waits')
    if not key then return end
    for name in pairs(linesOf(key)) do
      giveAway({ key = key, max = tonumber(string.match(name, '^%d+')) })
    end
    pass({ { key = key } })
  end

  -- A unit that is over takes nothing: if it was told of a free place, the next one is.
  function passOver(r, i, item)
    local unit = lookAt(r, i, item)
    if unit.h then pass(limitsOf(stepOf(r, i), unit)) end
  end
end
