-- worker, how many units at most, digest of versions, whether it waits, number of settlements, maxValueBytes, historyCount,
-- leaseMillis, memoCount, maxLosses, whether the worker is idle, place of the first queue; then the settlements: unit,
-- token, OUTCOME and its arguments. Returns the places of refused settlements, in how many milliseconds something is due, the
-- claims, the place of the queue where the next call goes on (or nothing), whether units wait for an idle worker, and units
-- that can't be read.
local worker, max, digest = ARGV[1], math.min(tonumber(ARGV[2]), BOUND.looks), ARGV[3]
if max > 0 and call('EXISTS', prefix .. KEY.versions .. digest) == 0 then return { 'VERSIONS' } end
maxValueBytes, maxLosses = tonumber(ARGV[6]), tonumber(ARGV[10])
local memoCount = tonumber(ARGV[9])

-- Applies each outcome. Its arguments begin at `from`. Returns where the next settlement begins.
local outcomes = {}

local function completed(lease, arm, outputs)
  local run, index, item = lease.run, lease.index, lease.item
  if lease.step[STEP.isProbed] then
    local unit = lookAt(run, index, item)
    if unit[RECORD.memo] then memoise(unit, outputs, memoCount) end
  end
  if lease.attempt > 1 or lease.step[STEP.isProbed] then dropUnit(run, index, item) end
  if lease.items then
    completeItem(run, index, item, lease.attempt, outputs, false)
  else
    local more = arm ~= '' and (',{"arm":"' .. arm .. '"}') or ''
    completeStep(run, index, lease.attempt, lease.started, outputs, more, arm ~= '' and arm or nil)
  end
end

-- Arm (or nothing), number of texts, and the outputs: name and text of each.
outcomes[OUTCOME.completed] = function(lease, from)
  local arm, size = ARGV[from], number[ARGV[from + 1]]
  if lease then
    local outputs = {}
    for k = 1, size do outputs[k] = ARGV[from + 1 + k] end
    completed(lease, arm, outputs)
  end
  return from + 2 + size
end

-- Arm (or nothing), name of the hash with the outputs, number of outputs, and their names.
outcomes[OUTCOME.staged] = function(lease, from)
  local arm, staged, size = ARGV[from], prefix .. KEY.staged .. ARGV[from + 1], number[ARGV[from + 2]]
  local first, past = from + 3, from + 3 + size
  if lease then
    local outputs, isWhole = {}, true
    for start = first, past - 1, 1000 do
      local texts = call('HMGET', staged, unpack(ARGV, start, math.min(start + 999, past - 1)))
      for k, json in ipairs(texts) do
        outputs[#outputs + 1] = ARGV[start + k - 1]
        outputs[#outputs + 1] = json
        isWhole = isWhole and json
      end
    end
    if isWhole then
      completed(lease, arm, outputs)
    else
      released(lease, '"its staged outputs have expired"')
    end
  end
  later('UNLINK', staged)
  return past
end

-- How many items failed, how many errors follow, item and error of each; number of texts, and the outputs of the other items.
outcomes[OUTCOME.someFailed] = function(lease, from)
  local failedCount, errorCount = tonumber(ARGV[from]), tonumber(ARGV[from + 1])
  local first = from + 2 + 2 * errorCount
  local size = tonumber(ARGV[first])
  if lease and lease.items then
    local errors, outputs = {}, {}
    for k = 1, 2 * errorCount do errors[k] = ARGV[from + 1 + k] end
    for k = 1, size do outputs[k] = ARGV[first + k] end
    local run, index, item = lease.run, lease.index, lease.item
    if lease.attempt > 1 or lease.step[STEP.isProbed] then dropUnit(run, index, item) end
    failItems(run, index, item, lease.attempt, outputs, failedCount, errors)
  end
  return first + 1 + size
end

-- Error.
outcomes[OUTCOME.failed] = function(lease, from)
  if lease then failed(lease, ARGV[from]) end
  return from + 1
end

-- Error, milliseconds until the next attempt, and item (or nothing).
outcomes[OUTCOME.retried] = function(lease, from)
  local item = ARGV[from + 2]
  if lease then retried(lease, ARGV[from], tonumber(ARGV[from + 1]), item ~= '' and item or nil) end
  return from + 3
end

-- Reason.
outcomes[OUTCOME.released] = function(lease, from)
  if lease then released(lease, ARGV[from]) end
  return from + 1
end

-- How many bytes of memoised outputs this act has written for probed units.
local probedBytes = 0

-- Limits (or empty), memo key, and for how many milliseconds its outputs are memoised (or empty).
outcomes[OUTCOME.probed] = function(lease, from)
  if lease then
    local limitsJson, memoKey, memoMillis = ARGV[from], ARGV[from + 1], ARGV[from + 2]
    local run, index, item = lease.run, lease.index, lease.item
    local unit = unitOf(run, index, item)
    unit[RECORD.isProbed] = 1
    local limits = limitsJson ~= '' and cjson.decode(limitsJson) or {}
    if memoMillis ~= '' then
      unit[RECORD.memo], unit[RECORD.memoMillis] = redis.sha1hex(memoKey), tonumber(memoMillis)
      limits[#limits + 1] = { key = 'memo:' .. unit[RECORD.memo], max = 1 }
    end
    if #limits > 0 then unit[RECORD.limits] = limits end
    keepUnit(run, index, item)
    -- Without room for the outputs, the unit becomes ready; they are found again when it is granted.
    local known = unit[RECORD.memo] and probedBytes < BOUND.replyBytes and recall(unit[RECORD.memo])
    if known then
      probedBytes = probedBytes + bytesOfOutputs(known)
      remember(run, index, item, known)
    else
      again(run, index, item)
    end
  end
  return from + 3
end

-- Number of items, items in a unit, units; units, items and bytes of results that are completed from the start; name of the
-- hash with the units.
outcomes[OUTCOME.expanded] = function(lease, from)
  local staged = prefix .. KEY.staged .. ARGV[from + 6]
  if lease then
    local run, index = lease.run, lease.index
    local itemCount, size, units = tonumber(ARGV[from]), tonumber(ARGV[from + 1]), tonumber(ARGV[from + 2])
    local kept = {
      units = tonumber(ARGV[from + 3]), items = tonumber(ARGV[from + 4]), bytes = tonumber(ARGV[from + 5])
    }
    if call('HEXISTS', staged, ITEMS.unit .. text[units - 1]) == 0 then
      released(lease, '"its staged items have expired"')
    else
      keepAttempt(lease)
      keepUnit(run, index)
      dropKept(run, index)
      local items = makeItems(run, index, lease.attempt, lease.started, staged, units, itemCount, size, kept)
      goOn(items)
      -- A worker is woken for each item.
      if items[ITEMS.isQueued] == 1 then count(run.kind.queue, items[ITEMS.units] - items[ITEMS.endedUnits] - 1) end
    end
  else
    later('UNLINK', staged, staged .. ':z')
  end
  return from + 7
end

local refused = {}
local from = 13
for place = 0, tonumber(ARGV[5]) - 1 do
  local ref, token, outcome = ARGV[from], ARGV[from + 1], ARGV[from + 2]
  local lease = endLease(ref, token, outcome == OUTCOME.completed)
  if lease == nil then refused[#refused + 1] = place end
  from = outcomes[outcome](lease, from + 3)
end
admitNext()
keepTodo(workOffAll(false), 'RPUSH')
local claims = ''
if max > 0 then claims = grantAll(worker, digest, max, tonumber(ARGV[8]), ARGV[11] == '1', tonumber(ARGV[12])) end
if ARGV[4] == '1' and claims == '' and moreFrom == nil then
  local idle = prefix .. KEY.idle .. digest
  later('ZREMRANGEBYSCORE', idle, '-inf', fmt(now - 10000))
  later('ZADD', idle, nowText, worker)
  later('SADD', prefix .. KEY.digests, digest)
end
local due = commit(tonumber(ARGV[7]))
return { table.concat(refused, ','), due, claims, moreFrom and fmt(moreFrom) or '', isAloneWaiting and '1' or '', broken }
