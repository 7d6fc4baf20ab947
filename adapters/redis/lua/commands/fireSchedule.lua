-- id, SHA-1 of the definition, when it was created and next instant as the caller has read them; new next instant, how many
-- ticks were dropped, overlap, how many of its runs and how many of all runs may be unfinished, lifetime of idempotency keys,
-- version, number of runs; then instant and run of each tick. Returns FIRED and in how many milliseconds something is due; or
-- GONE; or PLAN.
local key = prefix .. KEY.schedule .. ARGV[1]
local isSkipping = ARGV[7] == 'skip'
local definition, created, nextInstant, isPaused, pipeline, firedBefore, skippedBefore =
  unpack(call('HMGET', key, SCHEDULE.definition, SCHEDULE.created, SCHEDULE.next, SCHEDULE.isPaused, SCHEDULE.pipeline,
    SCHEDULE.fired, SCHEDULE.skipped))
if not definition or redis.sha1hex(definition) ~= ARGV[2] or created ~= ARGV[3] or nextInstant ~= ARGV[4]
  or isPaused ~= '0' then
  return { 'GONE' }
end

-- Runs of another version that no worker has do not count as overlapping. Of very many runs, the unread ones do.
local runsKey = prefix .. KEY.scheduleRuns .. ARGV[1]
local unfinishedRuns = call('SCARD', runsKey)
local overlapping = unfinishedRuns
if isSkipping and unfinishedRuns > 0 then
  local own = ARGV[11] .. ':' .. pipeline
  for _, id in ipairs(call('SRANDMEMBER', runsKey, 100)) do
    local run = open(id)
    if not run or isOver(run) or (run.plan.version ~= own and isAbandoned(run.plan.version)) then
      overlapping = overlapping - 1
    end
  end
end

local from, fired, skipped, last = 13, 0, tonumber(ARGV[6]), {}
for _ = 1, tonumber(ARGV[12]) do
  local tick, id = ARGV[from], ARGV[from + 1]
  local isStarted, past = false, pastOf(from + 1)
  if not (isSkipping and overlapping + fired > 0) and unfinishedRuns + fired < tonumber(ARGV[8]) then
    local answer = submit(from + 1, tonumber(ARGV[9]), ARGV[10])
    -- All runs have one plan, so nothing has changed yet.
    if answer and answer[1] == 'PLAN' then return answer end
    isStarted = answer == nil
  end
  if isStarted then
    fired = fired + 1
    last = { SCHEDULE.last, tick, SCHEDULE.lastRun, id }
  else
    skipped = skipped + 1
  end
  from = past
end

-- With the runs, in one command: a tick whose run is recorded is not fired again, and no tick is lost.
founding.commands[#founding.commands + 1] = { 'HSET', key, SCHEDULE.next, ARGV[5], SCHEDULE.version, ARGV[11],
  SCHEDULE.fired, fmt(firedBefore + fired), SCHEDULE.skipped, fmt(skippedBefore + skipped), unpack(last) }
zadd(prefix .. KEY.schedulesDue, ARGV[5], ARGV[1])
countPlans()
return { 'FIRED', commit(nil) }
