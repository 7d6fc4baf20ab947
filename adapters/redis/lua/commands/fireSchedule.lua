-- id, SHA-1 of the definition, when it was made and next instant as the caller has seen them; next instant, how many ticks were
-- dropped, overlap, how many of its runs and how many of all may be unfinished, how long a key names its run, version, number of
-- runs; then instant and run of each tick. Gives FIRED and in how many milliseconds something is due; or GONE; or PLAN.
local key = prefix .. KEY.schedule .. ARGV[1]
local seen = call('HMGET', key, SCHEDULE.definition, SCHEDULE.created, SCHEDULE.next, SCHEDULE.isPaused, SCHEDULE.pipeline, SCHEDULE.fired, SCHEDULE.skipped)
if not seen[1] or redis.sha1hex(seen[1]) ~= ARGV[2] or seen[2] ~= ARGV[3] or seen[3] ~= ARGV[4] or seen[4] ~= '0' then return { 'GONE' } end
-- A run of another version that no worker has is in no tick's way. Of very many, those that are not looked at are.
local runsKey = prefix .. KEY.scheduleRuns .. ARGV[1]
local unfinished = call('SCARD', runsKey)
local inTheWay = unfinished
if ARGV[7] == 'skip' and unfinished > 0 then
  local own = ARGV[11] .. ':' .. seen[5]
  for _, id in ipairs(call('SRANDMEMBER', runsKey, 100)) do
    local run = open(id)
    if not run or isOver(run) or (run.plan.version ~= own and isAbandoned(run.plan.version)) then inTheWay = inTheWay - 1 end
  end
end
local from, fired, skipped, last = 13, 0, tonumber(ARGV[6]), {}
for n = 1, tonumber(ARGV[12]) do
  local mayOverlap = ARGV[7] ~= 'skip' or inTheWay + fired == 0
  local tick = ARGV[from]
  local answer, past = 'SKIPPED', nil
  if mayOverlap and unfinished + fired < tonumber(ARGV[8]) then
    answer, past = submit(from + 1, tonumber(ARGV[9]), ARGV[10])
    -- All have one plan, so nothing has been done yet.
    if answer and answer[1] == 'PLAN' then return answer end
  else
    past = from + 7 + 2 * tonumber(ARGV[from + 6])
    past = past + 1 + 2 * tonumber(ARGV[past])
  end
  if answer == nil then
    fired = fired + 1
    last = { SCHEDULE.last, tick, SCHEDULE.lastRun, ARGV[from + 1] }
  else
    skipped = skipped + 1
  end
  from = past
end
-- Together with its runs and in one command: a tick whose run is recorded is not fired again, and no tick is lost.
founding.commands[#founding.commands + 1] = { 'HSET', key, SCHEDULE.next, ARGV[5], SCHEDULE.version, ARGV[11],
  SCHEDULE.fired, fmt(seen[6] + fired), SCHEDULE.skipped, fmt(seen[7] + skipped), unpack(last) }
zadd(prefix .. KEY.schedulesDue, ARGV[5], ARGV[1])
countPlans()
return { 'FIRED', commit(nil) }
