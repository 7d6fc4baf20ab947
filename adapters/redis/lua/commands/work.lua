-- worker, max, digest of versions, whether it waits, settlements, maxValueBytes, historyCount, leaseMillis, memoCount,
-- maxLosses, whether the worker is idle, from which queue to look; then the settlements. Gives which were refused, in how many
-- milliseconds something is due, what is lent, from which queue to look for more (or nothing), whether units wait for an idle
-- worker, and units that could not be looked at.
local worker, max, digest = ARGV[1], math.min(tonumber(ARGV[2]), MAX_LOOKS), ARGV[3]
if max > 0 and call('EXISTS', P .. 'versions:' .. digest) == 0 then return { 'VERSIONS' } end
maxValueBytes, maxLosses = tonumber(ARGV[6]), tonumber(ARGV[10])
local memoCount = tonumber(ARGV[9])

-- What each outcome does; gives where its arguments end.
local outcomes = {}

local function completed(lease, arm, outputs)
  local r, i, item = lease.r, lease.i, lease.item
  if lease.step.p then
    local unit = lookAt(r, i, item)
    if unit.m then memoise(unit, outputs, memoCount) end
  end
  if lease.attempt > 1 or lease.step.p then dropUnit(r, i, item) end
  if lease.x then
    completeItem(r, i, item, lease.attempt, outputs, false)
  else
    local more = arm ~= '' and (',{"arm":"' .. arm .. '"}') or ''
    completeStep(r, i, lease.attempt, lease.started, outputs, more, arm ~= '' and arm or nil)
  end
end

function outcomes.C(lease, p)
  local arm, size = ARGV[p], number[ARGV[p + 1]]
  if lease then
    local outputs = {}
    for k = 1, size do outputs[k] = ARGV[p + 1 + k] end
    completed(lease, arm, outputs)
  end
  return p + 2 + size
end

-- The same of a step whose outputs are too long for one call: arm, where the worker has put them, how many, and their names.
function outcomes.S(lease, p)
  local staged, size = P .. 's:' .. ARGV[p + 1], number[ARGV[p + 2]]
  local first = p + 3
  if lease then
    local outputs, isWhole = {}, true
    for from = first, first + size - 1, 1000 do
      local last = math.min(from + 999, first + size - 1)
      for k, json in ipairs(call('HMGET', staged, unpack(ARGV, from, last))) do
        outputs[#outputs + 1] = ARGV[from + k - 1]
        outputs[#outputs + 1] = json
        isWhole = isWhole and json
      end
    end
    if isWhole then
      completed(lease, ARGV[p], outputs)
    else
      released(lease, '"its outputs were not there any more"')
    end
  end
  later('UNLINK', staged)
  return first + size
end

-- Of a unit of several items, some of which failed: how many did, how many errors are told, the item and error of each; then the
-- outputs of the others.
function outcomes.D(lease, p)
  local told = tonumber(ARGV[p + 1])
  local first = p + 2 + 2 * told
  local size = tonumber(ARGV[first])
  if lease and lease.x then
    local errors, outputs = {}, {}
    for k = 1, 2 * told do errors[k] = ARGV[p + 1 + k] end
    for k = 1, size do outputs[k] = ARGV[first + k] end
    local r, i, item = lease.r, lease.i, lease.item
    if lease.attempt > 1 or lease.step.p then dropUnit(r, i, item) end
    failItems(r, i, item, lease.attempt, outputs, tonumber(ARGV[p]), errors)
  end
  return first + 1 + size
end

function outcomes.F(lease, p)
  if lease then failed(lease, ARGV[p]) end
  return p + 1
end

function outcomes.T(lease, p)
  if lease then retried(lease, ARGV[p], tonumber(ARGV[p + 1]), ARGV[p + 2] ~= '' and ARGV[p + 2] or nil) end
  return p + 3
end

function outcomes.L(lease, p)
  if lease then released(lease, ARGV[p]) end
  return p + 1
end

-- How many bytes of results that were remembered this act has given to units that were probed.
local probedBytes = 0

function outcomes.P(lease, p)
  if lease then
    local r, i, item = lease.r, lease.i, lease.item
    local unit = unitOf(r, i, item)
    unit.p = 1
    local limits = ARGV[p] ~= '' and cjson.decode(ARGV[p]) or {}
    if ARGV[p + 2] ~= '' then
      unit.m, unit.e = redis.sha1hex(ARGV[p + 1]), tonumber(ARGV[p + 2])
      limits[#limits + 1] = { key = 'memo:' .. unit.m, max = 1 }
    end
    if #limits > 0 then unit.k = limits end
    keepUnit(r, i, item)
    -- Where this act has no room for what is known, that is found again when the unit is lent.
    local known = unit.m and probedBytes < MAX_REPLY and recall(unit.m)
    if known then
      probedBytes = probedBytes + bytesOfOutputs(known)
      remember(r, i, item, known)
    else
      again(r, i, item)
    end
  end
  return p + 3
end

-- items, items in a unit, units; units, items and bytes of results that are completed from the start; where the worker has put
-- the units.
function outcomes.X(lease, p)
  if lease then
    local r, i = lease.r, lease.i
    local staged = P .. 's:' .. ARGV[p + 6]
    local units = tonumber(ARGV[p + 2])
    local kept = { units = tonumber(ARGV[p + 3]), items = tonumber(ARGV[p + 4]), bytes = tonumber(ARGV[p + 5]) }
    if call('HEXISTS', staged, 'v' .. text[units - 1]) == 0 then
      released(lease, '"its items were not there any more"')
    else
      keepAttempt(lease)
      keepUnit(r, i)
      dropKept(r, i)
      local x = makeItems(r, i, lease.attempt, lease.started, staged, units, tonumber(ARGV[p]), tonumber(ARGV[p + 1]), kept)
      goOn(x)
      -- As many may work on it as there are items.
      if x.q == 1 then count(r.kind.queue, x.N - x.D - 1) end
    end
  else
    later('UNLINK', P .. 's:' .. ARGV[p + 6], P .. 's:' .. ARGV[p + 6] .. ':z')
  end
  return p + 7
end

local refused = {}
local p = 13
for n = 0, tonumber(ARGV[5]) - 1 do
  local tag = ARGV[p + 2]
  local lease = endLease(ARGV[p], ARGV[p + 1], tag == 'C')
  if lease == nil then refused[#refused + 1] = n end
  p = outcomes[tag](lease, p + 3)
end
admitNext()
keepTodo(workOffAll(false), 'RPUSH')
local claims = max > 0 and lendAll(worker, digest, max, tonumber(ARGV[8]), ARGV[11] == '1', tonumber(ARGV[12])) or ''
if ARGV[4] == '1' and claims == '' and moreFrom == nil then
  later('ZREMRANGEBYSCORE', P .. 'idle:' .. digest, '-inf', fmt(now - 10000))
  later('ZADD', P .. 'idle:' .. digest, at, worker)
  later('SADD', P .. 'digests', digest)
end
local due = commit(tonumber(ARGV[7]))
return { table.concat(refused, ','), due, claims, moreFrom and fmt(moreFrom) or '', isAloneWaiting and '1' or '', broken }
