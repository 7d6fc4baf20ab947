-- The end of an act: decides which workers and readers to notify, then writes everything. If Redis refuses a write, the others
-- are still made, and the act ends with the error.
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

  -- Moves a run to the indices of its status, both of all runs and of its pipeline.
  local function indexRun(run)
    if run.status == run.was then return end
    local id, plan = run.id, run.plan
    if run.status == STATUS.running then
      local place = get(run, RUN.submitted)
      arrive(keyOf[KEY.running], place, id)
      arrive(plan.running, place, id)
    elseif isOver(run) then
      depart(keyOf[KEY.unfinished], id)
      depart(plan.unfinished, id)
      if run.was == STATUS.running then
        depart(keyOf[KEY.running], id)
        depart(plan.running, id)
      end
      if run.status ~= STATUS.completed then
        local index, place = prefix .. (run.status == STATUS.failed and KEY.failed or KEY.cancelled), get(run, RUN.submitted)
        arrive(index, place, id)
        arrive(index .. ':' .. plan.pipeline, place, id)
      end
      arrive(keyOf[KEY.ended], nowText, endedMember(run))
    end
    run.was = run.status
  end

  -- Writes the changes of a hash. Returns whether all fields were set, and whether all were removed.
  local function writeHash(hash)
    local out = hash.toSet or {}
    if hash.isHeadDirty then
      hash.isHeadDirty = false
      local n = #out
      out[n + 1] = RUN.header
      out[n + 2] = hash.status .. '|' .. text[hash.stepsLeft] .. '|' .. text[hash.events] .. (hash.isOpen and '|1|' or '|0|')
        .. (hash.hasLost and '1|' or '0|') .. hash.has .. '|' .. text[hash.bytes] .. '|' .. hash.kind.tail
    end
    hash.toSet = false
    local isSet, isRemoved = writeMany('HSET', hash.key, out), true
    if hash.toRemove then
      local gone = {}
      for field in pairs(hash.toRemove) do gone[#gone + 1] = field end
      hash.toRemove = false
      isRemoved = writeMany('HDEL', hash.key, gone)
    end
    return isSet, isRemoved
  end

  -- Writes the leases of a step's items, with counters and results, so that an ended unit is counted exactly once. If Redis
  -- refuses one of these writes, the old leases are restored, so that the mender finds them.
  local function writeItems(leases)
    local name = prefix .. KEY.items .. string.sub(leases.key, #prefix + #KEY.itemWork + 1)
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

  -- Writes everything of `founding`, or undoes it and ends the act: the caller tries again.
  local function writeFounding()
    local keys, renames, needed = founding.keys, founding.renames, founding.commands
    if #keys + #needed == 0 then return end
    local renamed = 0
    while renamed < #renames and write('RENAME', unpack(renames[renamed + 1])) do renamed = renamed + 1 end
    -- The hash with the counters first: without them, a step has no items.
    for _, rename in ipairs(renames) do writeHashAt(rename[2]) end
    for _, key in ipairs(keys) do writeHashAt(key) end
    if #keys > 0 then
      for key, list in pairs(arrivals) do writeMany('ZADD', key, list) end
    end
    for _, command in ipairs(needed) do
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

  -- Removes forgotten runs. A run stays in KEY.ended until its keys are gone.
  local function writeForgotten()
    if failure or #forgotten.members == 0 then return end
    write('ZREM', keyOf[KEY.ended], unpack(forgotten.members))
    if failure then return end
    if not write('UNLINK', unpack(forgotten.keys)) then
      for _, member in ipairs(forgotten.members) do redis.pcall('ZADD', keyOf[KEY.ended], nowText, member) end
      return
    end
    for _, digest in ipairs(forgotten.plans) do
      plans[digest] = nil
      write('UNLINK', prefix .. KEY.plan .. digest)
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
    -- After a refused write, a line that seems empty may have members. It stays in KEY.linesOf until the next act that reads it.
    if not (failure and string.find(key, prefix .. KEY.linesOf, 1, true) == 1) then writeMany('SREM', key, gone) end
  end

  -- Picks waiting workers for the work that this act has added.
  local function workersToWake()
    local workers = {}
    if not wakeAll and next(counts) == nil then return workers end
    local lostCount = 0
    for _ in pairs(lostWorkers) do lostCount = lostCount + 1 end
    for _, digest in ipairs(call('SMEMBERS', prefix .. KEY.digests)) do
      local wanted = wakeAll and 1000 or 0
      for version, more in pairs(counts) do
        if more > 0 and call('SISMEMBER', prefix .. KEY.versions .. digest, version) == 1 then wanted = wanted + more end
      end
      if wanted > 0 then
        local idle = prefix .. KEY.idle .. digest
        -- A worker whose lease expired in this act may still be among the waiting ones.
        for _, worker in ipairs(call('ZRANGE', idle, 0, math.min(wanted + lostCount, BOUND.looks) - 1)) do
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

  -- Ends the act. Returns in how many milliseconds something is due, or an empty text. With `historyCount`, forgets ended runs
  -- beyond this number.
  function commit(historyCount)
    admitNext()
    keepTodo(workOffAll(false), 'RPUSH')
    arrangeQueues()
    local changed, fed, ended = {}, {}, {}
    local isWatched
    for _, run in pairs(hashes) do
      if run.kind then
        indexRun(run)
        if run.events > run.told then
          if isWatched == nil then isWatched = call('EXISTS', prefix .. KEY.watchers) == 1 end
          if isWatched then changed[#changed + 1] = run.id end
          fed[#fed + 1] = run.id .. ' ' .. text[run.told] .. ' ' .. text[run.events] .. ' ' .. run.kind.digest
          run.told = run.events
        end
      end
    end
    if #finished > 0 and call('EXISTS', prefix .. KEY.waiters) == 1 then
      for _, run in ipairs(finished) do ended[#ended + 1] = run.id end
    end
    local workers = workersToWake()
    if historyCount then retain(historyCount, 0, BOUND.forgotten) end
    local news
    if #workers + #changed + #ended + #revocations > 0 then
      local told = {}
      if #workers > 0 then told[NEWS.workers] = workers end
      if #changed > 0 then told[NEWS.runs] = changed end
      if #ended > 0 then told[NEWS.ended] = ended end
      if #revocations > 0 then told[NEWS.revoked] = revocations end
      news = cjson.encode(told)
    end

    -- The first write. If memory is full, Redis refuses it, and so the whole act. An act that frees memory begins with its
    -- removals instead.
    local clock = skew > 0 and (nowText .. ' ' .. fmt(skew)) or nowText
    local function writeClock()
      if isFreeing then write('SET', prefix .. KEY.clock, clock) else call('SET', prefix .. KEY.clock, clock) end
      if skew ~= knownSkew then write('HSET', prefix .. KEY.meta, 'skew', fmt(skew)) end
    end
    if not isFreeing then writeClock() end
    if isSerialUsed then write('SET', prefix .. KEY.serial, fmt(serials)) end
    writeFounding()
    for _, hash in pairs(hashes) do
      if hash.before then writeItems(hash) end
    end
    for _, hash in pairs(hashes) do writeHash(hash) end
    for key, list in pairs(arrivals) do writeMany('ZADD', key, list) end
    for key, list in pairs(departures) do
      if key ~= keyOf[KEY.unfinished] then writeMany('ZREM', key, list) end
    end
    for key, members in pairs(sorted) do writeSorted(key, members) end
    for key, members in pairs(sets) do writeSet(key, members) end
    writeQueues(write)
    writeAgain(write)
    for _, command in ipairs(commands) do write(unpack(command)) end
    for _, command in ipairs(todo) do write(unpack(command)) end
    -- 16 changes in one entry: one entry each would cost more, and a single entry would keep all changes as long as the last.
    for k = 1, #fed, 16 do
      local changes = table.concat(fed, ',', k, math.min(k + 15, #fed))
      write('XADD', prefix .. KEY.feed, 'MAXLEN', '~', BOUND.keptChanges, '*', 'r', changes)
    end
    if news then write('PUBLISH', prefix .. KEY.news, news) end
    -- Last, and only if Redis has refused no write: the mender checks only the runs in this index.
    local departed = departures[keyOf[KEY.unfinished]]
    if departed and not failure then writeMany('ZREM', keyOf[KEY.unfinished], departed) end
    if isFreeing then writeClock() end
    writeForgotten()
    if failure then
      -- The mender finds the work of refused writes: from now on it checks all runs.
      redis.pcall('SET', prefix .. KEY.torn, nowText)
      -- The number of runs of a plan may be wrong from now on: such a plan is never removed.
      for _, known in pairs(plans) do
        redis.pcall('HSET', known.key, PLAN.isUncertain, '1')
        redis.pcall('PERSIST', known.key)
      end
      error(failure, 0)
    end
    return soonest and fmt(math.max(soonest - now, 0)) or ''
  end
end
