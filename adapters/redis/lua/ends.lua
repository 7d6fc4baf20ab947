-- How runs begin and end, and what is left of them.
-- `a` of a run says whether it holds its limits; see `limits`.
local begin, finished, finishAs, fail, lose, openRun, admit, admitNext, endedMember, forget, retain
do
  local RUN_STARTED = '["RS",' .. at .. ']'

  function begin(r)
    if r.s ~= 'P' then return end
    head(r, 's', 'R')
    push(r, RUN_STARTED)
  end

  -- token, attempt, start, phase (lower case: alone), whether it holds limits, worker
  local LEASE = '^(%d+)|(%d+)|(%d+)|(%a)|(%d)|(.*)$'

  -- Takes a lease from its worker, who is told. Until it has stopped, it goes on holding its limits.
  local function revoke(r, i, item)
    local hash, field = leaseField(r, i, item)
    local token, _, _, _, held, worker = string.match(get(hash, field) or '', LEASE)
    if not token then return end
    local member = refOf(r, i, item) .. '|' .. token
    set(hash, field, item == nil and '' or false)
    if held == '1' then
      later('HSET', P .. 'stopping', member, cjson.encode(limitsOf(stepOf(r, i), lookAt(r, i, item))))
    else
      depart(keyOf.leases, member)
    end
    revocations[#revocations + 1] = { worker, token }
  end

  -- Nothing happens any more to a unit. After its lease, which has to know what it holds.
  local function clearUnit(r, i, item)
    revoke(r, i, item)
    local unit = lookAt(r, i, item)
    if unit == FRESH then return end
    local ref = refOf(r, i, item)
    if unit.w then leave(unit.w, ref) end
    if unit.d then zrem(P .. 'due', 'u' .. ref) end
    -- It was told of a free place that it won't take: the next one is.
    if unit.h and not unit.w then pass(limitsOf(stepOf(r, i), unit)) end
    dropUnit(r, i, item)
  end

  -- The steps of a run that has ended.
  kinds.clear = {
    isOfEnded = true,
    size = function(r) return r.plan.size end,
    each = function(r, _, place)
      local i = text[place - 1]
      -- Most of what there is to know comes in one answer.
      if place % 100 == 1 then
        local fields = {}
        for index = place - 1, math.min(place + 98, r.plan.size - 1) do
          fields[#fields + 1] = leaseOf[text[index]]
          if has(r, 'u') then fields[#fields + 1] = 'u' .. text[index] end
          if has(r, 'E') then fields[#fields + 1] = 'E' .. text[index] end
        end
        getAll(r, fields)
      end
      clearUnit(r, i, nil)
      if has(r, 'E') and get(r, 'E' .. i) then enter(r, 'clearItems', i) end
    end
  }

  -- A step that has ended without an outcome, in a run that goes on or has ended.
  kinds.clearStep = {
    isOfEnded = true,
    each = function(r, i)
      clearUnit(r, i, nil)
      if has(r, 'E') and get(r, 'E' .. i) then enter(r, 'clearItems', i) end
    end
  }

  -- The units of a step that goes through items; then these are kept, to be read and for a retry.
  kinds.clearItems = {
    isOfEnded = true,
    size = function(r, i)
      local x = itemsOf(r, i)
      return x and x.x or 0
    end,
    each = function(r, i, place)
      if place == 1 then
        local x = itemsOf(r, i)
        x.again, x.popped = {}, 0
        later('UNLINK', P .. 'y:' .. r.id .. ':' .. i)
      end
      local hash = itemHashOf(r, i)
      if place % 100 == 1 then
        local fields = {}
        for item = place - 1, place + 98 do
          fields[#fields + 1] = leaseOf[text[item]]
          fields[#fields + 1] = 'u' .. text[item]
        end
        getAll(hash, fields)
      end
      clearUnit(r, i, place - 1)
    end
  }

  finished = {}

  local function settleEnd(r)
    local due = opt(r, 'd')
    if due then
      if string.find(due, 's', 1, true) then zrem(P .. 'due', 's' .. r.id) end
      if string.find(due, 't', 1, true) then zrem(P .. 'due', 't' .. r.id) end
    end
    local limits = opt(r, 'k')
    if limits then
      limits = cjson.decode(limits)
      local line = opt(r, 'w')
      if opt(r, 'a') == '1' then give(limits, r.id)
      elseif line then leave(line, r.id)
      elseif opt(r, 'H') then pass(limits) end
    end
    local schedule = opt(r, 'c')
    if schedule then memberIn(sets, P .. 'schedule:runs:' .. schedule, r.id, false) end
    finished[#finished + 1] = r
  end

  -- For the mender, where what a run gives back at its end was not written.
  kinds.settleEnd = { isOfEnded = true, each = settleEnd }

  function finishAs(r, status, event)
    head(r, 's', status)
    push(r, event)
    if status ~= 'C' then enter(r, 'clear') end
    settleEnd(r)
  end

  function fail(r, err) finishAs(r, 'F', '["RF",' .. at .. ',' .. err .. ']') end

  -- Every step has ended.
  kinds.finish = {
    each = function(r)
      if r.n > 0 then return end
      local err = opt(r, 'e')
      if err and (r.kind.policy ~= 's' or opt(r, 'b')) then
        fail(r, err)
      else
        begin(r)
        finishAs(r, 'C', '["RC",' .. at .. ']')
      end
    end
  }

  -- A step has ended without what others wait for.
  function lose(r, i, err, reason)
    if not opt(r, 'e') then setOpt(r, 'e', err) end
    local policy = r.kind.policy
    if policy == 'f' then return fail(r, err) end
    head(r, 'x', true)
    over(r, i)
    enter(r, 'spread', i, { cause = 'failure', reason = quote(reason), all = policy == 'c' })
    enter(r, 'clearStep', i)
    enter(r, 'finish')
  end

  function openRun(r)
    head(r, 'o', true)
    if r.n == 0 then return enter(r, 'finish') end
    if opt(r, 'y') then
      enter(r, 'reopen')
    elseif #r.plan.first <= MAX_LOOKS then
      for _, i in ipairs(r.plan.first) do ready(r.id .. ':' .. i, r.kind.queue) end
    else
      enter(r, 'open')
    end
  end

  -- Units of a step, or of its items, that have waited until their run holds its limits.
  local function unpark(r, i, item)
    local unit = lookAt(r, i, item)
    if unit.w ~= '@' then return end
    unit.w = nil
    keepUnit(r, i, item)
    if not isStepOver(r, i) then readyFirst(refOf(r, i, item), r.kind.queue) end
  end

  kinds.unpark = {
    size = function(r) return r.plan.size end,
    each = function(r, _, place)
      local i = text[place - 1]
      if has(r, 'u') then unpark(r, i, nil) end
      if has(r, 'E') and get(r, 'E' .. i) then enter(r, 'unparkItems', i) end
    end
  }

  kinds.unparkItems = {
    size = function(r, i)
      local x = itemsOf(r, i)
      return x and x.U == 1 and x.x or 0
    end,
    each = function(r, i, place) unpark(r, i, place - 1) end
  }

  -- Begins a run, or goes on with what waited for its limits.
  local function goOn(r)
    if r.o then enter(r, 'unpark') else openRun(r) end
  end

  -- Begins a run, or has it wait for its limits.
  function admit(r)
    local limits = opt(r, 'k')
    if limits then
      limits = cjson.decode(limits)
      local line, since = take(limits, r.id, r.id, 'run', r.kind.priority, opt(r, 'H'))
      if line then
        setOpt(r, 'w', line)
        setOpt(r, 'H', fmt(since))
        return
      end
      setOpt(r, 'a', '1')
    end
    goOn(r)
  end

  -- Begins the runs whose turn has come. One that no worker has begins without its limits, so that the next one has them.
  function admitNext()
    while #admissible > 0 do
      local r = table.remove(admissible, 1)
      if isOver(r) then
        pass(cjson.decode(opt(r, 'k')))
      elseif isAbandoned(r.plan.version) then
        setOpt(r, 'a', '0')
        pass(cjson.decode(opt(r, 'k')))
        goOn(r)
      else
        admit(r)
      end
    end
  end

  -- -- retention ----------------------------------------------------------------------------------------------------------

  -- How a run stands in `ended`: plan, id and status, and whether it has more than its own hash.
  function endedMember(r)
    local more = (has(r, 'E') or has(r, 'B')) and 'x' or ''
    return r.kind.digest .. ' ' .. r.id .. ' ' .. r.s .. more
  end

  -- Forgets runs that have ended, as they stand in `ended`.
  function forget(members)
    local byPlan = {}
    local isTorn = call('EXISTS', P .. 'torn') == 1
    for _, member in ipairs(members) do
      local digest, id, status, more = string.match(member, '^(%x+) (.*) (%a)(x?)$')
      local plan = planOf(digest)
      local pipeline = plan and plan.pipeline
      local indices = { 'all', status == 'F' and 'failed' or status == 'X' and 'cancelled' or nil }
      if isTorn then indices = { 'all', 'unfinished', 'running', 'failed', 'cancelled' } end
      for _, index in ipairs(indices) do
        depart(P .. index, id)
        if pipeline then depart(P .. index .. ':' .. pipeline, id) end
      end
      if more == 'x' then
        local r = open(id)
        if r then
          for i in string.gmatch(opt(r, 'E') or '', '(%d+),') do
            later('UNLINK', P .. 'x:' .. id .. ':' .. i, P .. 'y:' .. id .. ':' .. i, P .. 'z:' .. id .. ':' .. i)
          end
          for reference in string.gmatch(opt(r, 'B') or '', '([^\n]+)\n') do zadd(P .. 'gone', at, reference) end
        end
      end
      hashes[P .. 'r:' .. id] = nil
      runs[id] = false
      forgotten.members[#forgotten.members + 1] = member
      forgotten.keys[#forgotten.keys + 1] = P .. 'r:' .. id
      forgotten.keys[#forgotten.keys + 1] = P .. 'g:' .. id
      byPlan[digest] = (byPlan[digest] or 0) + 1
    end
    for digest, uses in pairs(byPlan) do
      local key = P .. 'p:' .. digest
      local found = call('HMGET', key, '#', '?')
      local left = tonumber(found[1] or 0) - uses
      if left <= 0 and not found[2] then
        forgotten.plans[#forgotten.plans + 1] = digest
      else
        later('HINCRBY', key, '#', -uses)
      end
    end
  end

  -- Forgets what is past the bounds, those that ended first first: some at once, which costs the least, and not all at
  -- once. A tenth more than the bound, at most 100, may be there meanwhile, and everything that ended in the last two seconds:
  -- a caller that waits for it is to see it.
  function retain(historyCount, historyMillis, most)
    local past = call('ZCARD', keyOf.ended) - historyCount
    if past > math.min(100, historyCount / 10) then
      local old = call('ZRANGEBYSCORE', keyOf.ended, '-inf', fmt(now - 2000), 'LIMIT', 0, math.min(past, most))
      if #old > 0 then return forget(old) end
    end
    if historyMillis > 0 then
      local old = call('ZRANGEBYSCORE', keyOf.ended, '-inf', fmt(now - historyMillis), 'LIMIT', 0, most)
      if #old > 0 then forget(old) end
    end
  end
end
