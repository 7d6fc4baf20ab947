-- The end of an act: what is to be told is found out, then everything is written. A write that fails does not keep the
-- others from being made; the act ends with its error then.
local commit
do
  local failure

  local function write(...)
    local reply = redis.pcall(...)
    if type(reply) == 'table' and reply.err then
      failure = failure or reply.err
      return false
    end
    return true
  end

  local function writeMany(command, key, list)
    local areWritten = true
    for from = 1, #list, 1000 do
      areWritten = write(command, key, unpack(list, from, math.min(from + 999, #list))) and areWritten
    end
    return areWritten
  end

  -- Puts a run into the indices of its status, those of all runs and those of its pipeline's.
  local function indexRun(r)
    if r.s == r.was then return end
    local id, plan = r.id, r.plan
    if r.s == 'R' then
      local place = get(r, 'm')
      arrive(keyOf.running, place, id)
      arrive(plan.running, place, id)
    elseif isOver(r) then
      depart(keyOf.unfinished, id)
      depart(plan.unfinished, id)
      if r.was == 'R' then
        depart(keyOf.running, id)
        depart(plan.running, id)
      end
      if r.s ~= 'C' then
        local index, place = P .. (r.s == 'F' and 'failed' or 'cancelled'), get(r, 'm')
        arrive(index, place, id)
        arrive(index .. ':' .. plan.pipeline, place, id)
      end
      arrive(keyOf.ended, at, endedMember(r))
    end
    r.was = r.s
  end

  -- What has changed of a hash's fields. Gives whether all is set, and whether all is removed that has to be.
  local function writeHash(hash)
    local out = hash.out or {}
    if hash.isHeadDirty then
      hash.isHeadDirty = false
      local n = #out
      out[n + 1] = 'h'
      out[n + 2] = hash.s .. '|' .. text[hash.n] .. '|' .. text[hash.events] .. (hash.o and '|1|' or '|0|') .. (hash.x and '1|' or '0|')
        .. hash.has .. '|' .. text[hash.bytes] .. '|' .. hash.kind.tail
    end
    hash.out = false
    local isSet, isRemoved = writeMany('HSET', hash.key, out), true
    if hash.gone then
      local gone = {}
      for field in pairs(hash.gone) do gone[#gone + 1] = field end
      hash.gone = false
      isRemoved = writeMany('HDEL', hash.key, gone)
    end
    return isSet, isRemoved
  end

  -- The leases of a step's items, and its numbers and results with them: a unit that has ended counts, once. Where one of them
  -- can't be written, the leases are as they were before, for the mender.
  local function writeItems(leases)
    local name = P .. 'x:' .. string.sub(leases.key, #P + 3)
    local numbers = hashes[name]
    hashes[leases.key], hashes[name] = nil, nil
    local isSet, isRemoved = writeHash(leases)
    if isSet and isRemoved and (not numbers or writeHash(numbers)) then return end
    for field, value in pairs(leases.before) do
      if value then redis.pcall('HSET', leases.key, field, value) else redis.pcall('HDEL', leases.key, field) end
    end
  end

  local function writeHashAt(key)
    local hash = hashes[key]
    if not hash or failure then return end
    hashes[key] = nil
    writeHash(hash)
  end

  -- All of it is written, or nothing stays and the act ends: its caller tries again.
  local function writeFounding()
    local keys, renames, commands_ = founding.keys, founding.renames, founding.commands
    if #keys + #commands_ == 0 then return end
    local renamed = 0
    while renamed < #renames and write('RENAME', unpack(renames[renamed + 1])) do renamed = renamed + 1 end
    -- Items without their numbers would be none.
    for _, rename in ipairs(renames) do writeHashAt(rename[2]) end
    for _, key in ipairs(keys) do writeHashAt(key) end
    if #keys > 0 then
      for key, list in pairs(arrivals) do writeMany('ZADD', key, list) end
    end
    for _, command in ipairs(commands_) do
      if not failure then write(unpack(command)) end
    end
    if failure then
      for k = 1, renamed do redis.pcall('RENAME', renames[k][2], renames[k][1]) end
      for key, list in pairs(#keys > 0 and arrivals or {}) do
        for k = 2, #list, 2 do redis.pcall('ZREM', key, list[k]) end
      end
      for from = 1, #keys, 1000 do redis.pcall('UNLINK', unpack(keys, from, math.min(from + 999, #keys))) end
      error(failure, 0)
    end
    if #keys > 0 then arrivals = {} end
  end

  -- A run that is forgotten stands among the ended ones until it is gone.
  local function writeForgotten()
    if failure or #forgotten.members == 0 then return end
    write('ZREM', keyOf.ended, unpack(forgotten.members))
    if failure then return end
    if not write('UNLINK', unpack(forgotten.keys)) then
      for _, member in ipairs(forgotten.members) do redis.pcall('ZADD', keyOf.ended, at, member) end
      return
    end
    for _, digest in ipairs(forgotten.plans) do
      plans[digest] = nil
      write('UNLINK', P .. 'p:' .. digest)
    end
  end

  local function writeSorted(key, members)
    local added, gone = {}, {}
    local n = 0
    for member, score in pairs(members) do
      if score then
        added[n + 1] = score
        added[n + 2] = member
        n = n + 2
      else
        gone[#gone + 1] = member
      end
    end
    writeMany('ZADD', key, added)
    writeMany('ZREM', key, gone)
  end

  local function writeSet(key, members)
    local added, gone = {}, {}
    for member, isIn in pairs(members) do
      if isIn then added[#added + 1] = member else gone[#gone + 1] = member end
    end
    writeMany('SADD', key, added)
    -- Where something was not written, a line that has become empty may not be: it stays known until the next one looks.
    if not (failure and string.find(key, P .. 'lines:', 1, true) == 1) then writeMany('SREM', key, gone) end
  end

  -- Workers that wait for work that there is more of now.
  local function workersToWake()
    local workers = {}
    if not wakeAll and next(counts) == nil then return workers end
    local lostCount = 0
    for _ in pairs(lostWorkers) do lostCount = lostCount + 1 end
    for _, digest in ipairs(call('SMEMBERS', P .. 'digests')) do
      local wanted = wakeAll and 1000 or 0
      for version, more in pairs(counts) do
        if more > 0 and call('SISMEMBER', P .. 'versions:' .. digest, version) == 1 then wanted = wanted + more end
      end
      if wanted > 0 then
        local idle = P .. 'idle:' .. digest
        -- Those that this act finds to be gone may still stand there.
        for _, worker in ipairs(call('ZRANGE', idle, 0, math.min(wanted + lostCount, MAX_LOOKS) - 1)) do
          if not lostWorkers[worker] and wanted > 0 then
            zrem(idle, worker)
            workers[#workers + 1] = worker
            wanted = wanted - 1
          end
        end
      end
    end
    return workers
  end

  -- Ends the act. Gives in how many milliseconds something is due, or an empty text. Runs past this number of ended ones are
  -- forgotten, where there is one.
  function commit(historyCount)
    admitNext()
    keepTodo(workOffAll(false), 'RPUSH')
    arrangeQueues()
    local changed, fed, ended = {}, {}, {}
    local isWatched
    for _, r in pairs(hashes) do
      if r.kind then
        indexRun(r)
        if r.events > r.told then
          if isWatched == nil then isWatched = call('EXISTS', P .. 'watchers') == 1 end
          if isWatched then changed[#changed + 1] = r.id end
          fed[#fed + 1] = r.id .. ' ' .. text[r.told] .. ' ' .. text[r.events] .. ' ' .. r.kind.digest
          r.told = r.events
        end
      end
    end
    if #finished > 0 and call('EXISTS', P .. 'waiters') == 1 then
      for _, r in ipairs(finished) do ended[#ended + 1] = r.id end
    end
    local workers = workersToWake()
    if historyCount then retain(historyCount, 0, MAX_FORGOTTEN) end

    -- The first write: where memory is full, it is refused, and with it the whole act. One that makes room begins with what it
    -- removes.
    local clock = skew > 0 and (at .. ' ' .. fmt(skew)) or at
    local function writeClock()
      if isFreeing then write('SET', P .. 'clock', clock) else call('SET', P .. 'clock', clock) end
      if skew ~= knownSkew then write('HSET', P .. 'meta', 'skew', fmt(skew)) end
    end
    if not isFreeing then writeClock() end
    if isSerialUsed then write('SET', P .. 'serial', fmt(serials)) end
    writeFounding()
    for _, hash in pairs(hashes) do
      if hash.before then writeItems(hash) end
    end
    for _, hash in pairs(hashes) do writeHash(hash) end
    for key, list in pairs(arrivals) do writeMany('ZADD', key, list) end
    for key, list in pairs(departures) do
      if key ~= keyOf.unfinished then writeMany('ZREM', key, list) end
    end
    for key, members in pairs(sorted) do writeSorted(key, members) end
    for key, members in pairs(sets) do writeSet(key, members) end
    writeQueues(write)
    writeAgain(write)
    for _, command in ipairs(commands) do write(unpack(command)) end
    for _, command in ipairs(todo) do write(unpack(command)) end
    -- Some together, which costs the least, and not all together, so that what is kept stays small.
    for k = 1, #fed, 16 do
      write('XADD', P .. 'feed', 'MAXLEN', '~', KEPT_CHANGES, '*', 'r', table.concat(fed, ',', k, math.min(k + 15, #fed)))
    end
    if #workers + #changed + #ended + #revocations > 0 then
      local told = {}
      if #workers > 0 then told.w = workers end
      if #changed > 0 then told.r = changed end
      if #ended > 0 then told.e = ended end
      if #revocations > 0 then told.x = revocations end
      write('PUBLISH', P .. 'news', cjson.encode(told))
    end
    -- Last, and not where something else was not written: the mender looks at runs that stand there.
    if not failure and departures[keyOf.unfinished] then writeMany('ZREM', keyOf.unfinished, departures[keyOf.unfinished]) end
    if isFreeing then writeClock() end
    writeForgotten()
    if failure then
      -- What was not written is found by the mender, which looks for it sooner then.
      redis.pcall('SET', P .. 'torn', at)
      -- How many runs a plan has may be wrong from now on: it is never dropped.
      for _, known in pairs(plans) do
        redis.pcall('HSET', known.key, '?', '1')
        redis.pcall('PERSIST', known.key)
      end
      error(failure, 0)
    end
    return soonest and fmt(math.max(soonest - now, 0)) or ''
  end
end
