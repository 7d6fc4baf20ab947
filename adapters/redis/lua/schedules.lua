-- The fields of a schedule, in the order of `Shown` in RedisSchedules.ts.
local function show(id)
  return call('HMGET', prefix .. KEY.schedule .. id, SCHEDULE.definition, SCHEDULE.created, SCHEDULE.next, SCHEDULE.isPaused,
    SCHEDULE.last, SCHEDULE.lastRun, SCHEDULE.fired, SCHEDULE.skipped, SCHEDULE.version)
end

-- Notifies servers that wait for due schedules.
local function news() call('PUBLISH', prefix .. KEY.news, '{"' .. NEWS.schedules .. '":1}') end
