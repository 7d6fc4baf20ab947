/**
 * The scripts of schedules. `schedules` is the set of their ids, `schedule:<id>` a hash: `d` definition, `c` when it was
 * made, `n` next instant, `p` paused, `l` and `r` the last instant and its run, `f` fired, `k` skipped, `i` pipeline, `V` the
 * version that it was checked against; `schedule:due` a sorted set by next instant; `schedule:runs:<id>` the set of its runs
 * that are not over.
 */
import { PARTS } from "./Parts.generated.ts"

const FIELDS = "'d', 'c', 'n', 'p', 'l', 'r', 'f', 'k', 'V'"

const SHOW = String.raw`
local P, call = KEYS[1], redis.call
local function show(id) return call('HMGET', P .. 'schedule:' .. id, ${FIELDS}) end
local function news() call('PUBLISH', P .. 'news', '{"s":1}') end
`

/** id, definition, when made, next, whether it replaces, pipeline, how many there may be, version. */
const PUT = String.raw`
local key = P .. 'schedule:' .. ARGV[1]
local known = call('HGET', key, 'd')
if known and known == ARGV[2] then
  call('HSET', key, 'V', ARGV[8])
  -- It may be half there, if a call before this one failed.
  call('SADD', P .. 'schedules', ARGV[1])
  local state = call('HMGET', key, 'p', 'n')
  if state[1] == '0' then call('ZADD', P .. 'schedule:due', 'NX', state[2], ARGV[1]) end
  news()
  return show(ARGV[1])
end
if known and ARGV[5] ~= '1' then return 'EXISTS' end
if not known and call('SCARD', P .. 'schedules') >= tonumber(ARGV[7]) then return 'FULL' end
call('SADD', P .. 'schedules', ARGV[1])
call('HSET', key, 'd', ARGV[2], 'c', ARGV[3], 'n', ARGV[4], 'p', '0', 'f', '0', 'k', '0', 'i', ARGV[6], 'V', ARGV[8])
call('HDEL', key, 'l', 'r')
call('ZADD', P .. 'schedule:due', ARGV[4], ARGV[1])
news()
return show(ARGV[1])
`

const GET = String.raw`
return show(ARGV[1])
`

/** The most bytes, then ids. Gives as many of these schedules as fit, at least one. */
const READ = String.raw`
local some, bytes = {}, 0
for k = 2, #ARGV do
  local shown = show(ARGV[k])
  bytes = bytes + #(shown[1] or '')
  if k > 2 and bytes > tonumber(ARGV[1]) then break end
  some[#some + 1] = shown
end
return some
`

const DROP = String.raw`
-- The hash last: as long as it is there, the schedule is, and another try finds it.
call('ZREM', P .. 'schedule:due', ARGV[1])
call('SREM', P .. 'schedules', ARGV[1])
return call('DEL', P .. 'schedule:' .. ARGV[1])
`

/** id, whether it is to be paused, next instant when it is resumed. */
const PAUSE = String.raw`
local key = P .. 'schedule:' .. ARGV[1]
if call('EXISTS', key) == 0 then return nil end
if ARGV[2] == '1' then
  call('HSET', key, 'p', '1')
  call('ZREM', P .. 'schedule:due', ARGV[1])
elseif call('HGET', key, 'p') == '1' then
  -- First what is lost otherwise when the other fails: a resumed schedule is not resumed again.
  call('ZADD', P .. 'schedule:due', ARGV[3], ARGV[1])
  call('HSET', key, 'p', '0', 'n', ARGV[3])
  news()
end
return show(ARGV[1])
`

/**
 * From which place on, and how many at most. Gives the time, the next instant that is to come, and of those that are due,
 * the longest due first: id, pipeline, version, when made, and next instant.
 */
const DUE = String.raw`
local now = fmt(now)
local key = P .. 'schedule:due'
local due = {}
for _, id in ipairs(call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', ARGV[1], ARGV[2])) do
  local head = call('HMGET', P .. 'schedule:' .. id, 'i', 'V', 'c', 'n')
  due[#due + 1] = { id, head[1], head[2] or '', head[3], head[4] }
end
return { now, call('ZRANGEBYSCORE', key, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2] or '', due }
`

/** id, SHA-1 of the definition, when made and next instant as they were seen; next instant, dropped, overlap, how many of its runs and how many of all may be unfinished, how long a key names its run, version, runs; then instants and runs. */
const FIRE = String.raw`
local key = P .. 'schedule:' .. ARGV[1]
local seen = call('HMGET', key, 'd', 'c', 'n', 'p', 'i', 'f', 'k')
if not seen[1] or redis.sha1hex(seen[1]) ~= ARGV[2] or seen[2] ~= ARGV[3] or seen[3] ~= ARGV[4] or seen[4] ~= '0' then return { 'GONE' } end
-- A run of another version that no worker has is in no tick's way. Of very many, those that are not looked at are.
local runsKey = P .. 'schedule:runs:' .. ARGV[1]
local unfinished = call('SCARD', runsKey)
local inTheWay = unfinished
if ARGV[7] == 'skip' and unfinished > 0 then
  local own = ARGV[11] .. ':' .. seen[5]
  for _, id in ipairs(call('SRANDMEMBER', runsKey, 100)) do
    local r = open(id)
    if not r or isOver(r) or (r.plan.version ~= own and isAbandoned(r.plan.version)) then inTheWay = inTheWay - 1 end
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
    last = { 'l', tick, 'r', ARGV[from + 1] }
  else
    skipped = skipped + 1
  end
  from = past
end
-- Together with its runs and in one command: a tick whose run is recorded is not fired again, and no tick is lost.
founding.commands[#founding.commands + 1] = { 'HSET', key, 'n', ARGV[5], 'V', ARGV[11],
  'f', fmt(seen[6] + fired), 'k', fmt(seen[7] + skipped), unpack(last) }
zadd(P .. 'schedule:due', ARGV[5], ARGV[1])
countPlans()
return { 'FIRED', commit(nil) }
`

/** The scripts of schedules. */
export type ScheduleScript =
  | "putSchedule"
  | "getSchedule"
  | "readSchedules"
  | "dropSchedule"
  | "pauseSchedule"
  | "dueSchedules"
  | "fireSchedule"

/** The text of each, on top of the script that submits. */
export const schedules = (submit: string): Readonly<Record<ScheduleScript, string>> => ({
  putSchedule: SHOW + PUT,
  getSchedule: SHOW + GET,
  readSchedules: SHOW + READ,
  dropSchedule: SHOW + DROP,
  pauseSchedule: SHOW + PAUSE,
  dueSchedules: PARTS.clock + SHOW + DUE,
  fireSchedule: submit + FIRE
})
