/** The scripts: one for each change of state. */
import { KEEP_TOKEN, TAKE } from "./LuaAccess.ts"
import { BASE, GUARD } from "./LuaBase.ts"
import { COUNTDOWN } from "./LuaCountdown.ts"
import { ENDS } from "./LuaEnds.ts"
import { ITEMS } from "./LuaItems.ts"
import { LENDING } from "./LuaLending.ts"
import { LIMITS } from "./LuaLimits.ts"
import { OUTCOMES } from "./LuaOutcomes.ts"
import { READING, type ReadingScript } from "./LuaReading.ts"
import { type ScheduleScript, schedules } from "./LuaSchedules.ts"
import { SUBMIT } from "./LuaSubmit.ts"

const RUNS = [BASE, LIMITS, COUNTDOWN, ITEMS, ENDS]
// What only makes room has to work also when there is none.
const FREEING = [BASE.replace(GUARD, ""), ...RUNS.slice(1)]
const WORK = [...RUNS, OUTCOMES]

/**
 * How many runs may be unfinished, how long a key names its run; the runs, one after the other. Gives what else became of
 * which of them than that it is recorded, and in how many milliseconds something is due.
 */
const SUBMIT_COMMAND = String.raw`
local answers, from, place = {}, 3, 0
local maxUnfinished, keyMillis = tonumber(ARGV[1]), ARGV[2]
while from <= #ARGV do
  local answer
  answer, from = submit(from, maxUnfinished, keyMillis)
  if answer then answers[#answers + 1] = { place, answer } end
  place = place + 1
end
placeAll()
return { answers, complete(nil) }
`

/** worker, max, digest of versions, whether it waits, settlements, maxValueBytes, historyCount, leaseMillis, memoCount; then the settlements. */
const WORK_COMMAND = String.raw`
local worker, max, digest = ARGV[1], math.min(tonumber(ARGV[2]), 10000), ARGV[3]
if max > 0 and call('EXISTS', P .. 'versions:' .. digest) == 0 then return { 'VERSIONS' } end
maxValueBytes = tonumber(ARGV[6])
local refused = {}
local p = 10
for n = 0, tonumber(ARGV[5]) - 1 do
  local lease = endLease(ARGV[p], ARGV[p + 1])
  local tag = ARGV[p + 2]
  p = p + 3
  if lease == nil then refused[#refused + 1] = n end
  if tag == 'C' then
    local arm, size = ARGV[p], number[ARGV[p + 1]]
    if lease then
      local outputs = {}
      for k = 1, size do outputs[k] = ARGV[p + 1 + k] end
      local r, u = lease.r, lease.u
      if lease.step.p then
        local unit = unitOf(r, u)
        if unit.m then memoise(unit, outputs, tonumber(ARGV[9])) end
      end
      if lease.attempt > 1 or lease.step.p then dropUnit(r, u) end
      if lease.x then
        completeItem(r, lease.i, lease.item, outputs, false)
      else
        local more = arm ~= '' and (',{"arm":"' .. arm .. '"}') or ''
        completeStep(r, lease.i, lease.attempt, lease.started, outputs, more, arm ~= '' and arm or nil)
      end
    end
    p = p + 2 + size
  elseif tag == 'F' then
    if lease then failed(lease, ARGV[p]) end
    p = p + 1
  elseif tag == 'T' then
    if lease then retried(lease, ARGV[p], tonumber(ARGV[p + 1]), ARGV[p + 2] ~= '' and ARGV[p + 2] or nil) end
    p = p + 3
  elseif tag == 'L' then
    if lease then released(lease, ARGV[p]) end
    p = p + 1
  elseif tag == 'P' then
    if lease then
      local r, unit = lease.r, unitOf(lease.r, lease.u)
      unit.p = 1
      local limits = ARGV[p] ~= '' and cjson.decode(ARGV[p]) or {}
      if ARGV[p + 2] ~= '' then
        unit.m, unit.e = redis.sha1hex(ARGV[p + 1]), tonumber(ARGV[p + 2])
        limits[#limits + 1] = { key = 'memo:' .. unit.m, max = 1 }
      end
      if #limits > 0 then unit.k = limits end
      keepUnit(r, lease.u)
      local known = unit.m and recall(unit.m)
      if known then remember(r, lease.i, lease.item, lease.u, known) else again(r, lease.i, lease.item) end
    end
    p = p + 3
  elseif tag == 'X' then
    local size = tonumber(ARGV[p + 2])
    if lease then
      local units = {}
      for k = p + 3, p + 2 + size do units[#units + 1] = ARGV[k] end
      local r, i = lease.r, lease.i
      keepAttempt(lease)
      keepUnit(r, lease.u)
      makeItems(r, i, lease, tonumber(ARGV[p]), tonumber(ARGV[p + 1]), units)
      progress(r, i, lease.attempt, 0, tonumber(ARGV[p]))
      ready(r.id .. ':' .. i, r.q)
      -- As many may work on it as there are items.
      count(r.q, size - 1)
    end
    p = p + 3 + size
  end
end
admitNext()
enqueue()
local claims = max > 0 and lendAll(worker, digest, max, tonumber(ARGV[8])) or ''
if ARGV[4] == '1' and claims == '' then
  call('ZREMRANGEBYSCORE', P .. 'idle:' .. digest, '-inf', fmt(now - 10000))
  call('ZADD', P .. 'idle:' .. digest, at, worker)
  call('SADD', P .. 'digests', digest)
end
local due = complete(tonumber(ARGV[7]))
return { table.concat(refused, ','), due, claims }
`

/** leaseMillis; then unit and token of each lease. Gives which are lost, by place. */
const RENEW_COMMAND = String.raw`
local lost, ends = {}, fmt(now + tonumber(ARGV[1]))
for k = 2, #ARGV, 2 do
  local id, _, _, u = parse(ARGV[k])
  local lease = call('HGET', P .. 'r:' .. id, 'l' .. u)
  if lease and string.match(lease, '^%d+') == ARGV[k + 1] then
    call('ZADD', P .. 'leases', ends, ARGV[k] .. '|' .. ARGV[k + 1])
  else
    lost[#lost + 1] = k / 2 - 1
  end
end
return lost
`

/** For each note: unit, token, attempt, done and total (or nothing), the line (or nothing), how many were lost before. */
const NOTE_COMMAND = String.raw`
for k = 1, #ARGV, 7 do
  local id, i, item, u = parse(ARGV[k])
  local r = open(id)
  if r then
    if ARGV[k + 3] ~= '' and item == nil then
      local lease = get(r, 'l' .. u)
      if lease and string.match(lease, '^%d+') == ARGV[k + 1] then
        progress(r, i, tonumber(ARGV[k + 2]), tonumber(ARGV[k + 3]), tonumber(ARGV[k + 4]))
      end
    end
    local dropped = tonumber(ARGV[k + 6])
    if ARGV[k + 5] ~= '' then
      local lines = P .. 'g:' .. id
      local past = call('RPUSH', lines, '[' .. at .. ',' .. ARGV[k + 5] .. ']') - 1000
      if past > 0 then
        call('LTRIM', lines, past, -1)
        dropped = dropped + past
      end
    end
    if dropped > 0 then set(r, 'D', tonumber(get(r, 'D') or 0) + dropped) end
  end
end
complete(nil)
`

/** run, reason, historyCount. Gives 0 when there is no such run. */
const CANCEL_COMMAND = String.raw`
local r = open(ARGV[1])
if not r then return 0 end
if not isOver(r) then finishAs(r, 'X', '["RX",' .. at .. ',' .. ARGV[2] .. ']') end
complete(tonumber(ARGV[3]))
return 1
`

/** run, step, reason, historyCount. Gives 0 when there is no such run. */
const CANCEL_STEP_COMMAND = String.raw`
local r, i = open(ARGV[1]), ARGV[2]
if not r then return 0 end
if isOver(r) or get(r, 'o' .. i) or stepOf(r, i).i then return 1 end
-- Of a step that has completed, only the log knows.
for _, event in ipairs(call('HVALS', r.key)) do
  if string.match(event, '^%["SC",%d+,(%d+)') == ARGV[2] then return 1 end
end
local lease = get(r, 'l' .. i)
local attempts = string.match(lease or '', '^%d+|(%d+)') or unitOf(r, ARGV[2]).a
local name = stepOf(r, i).n
push(r, '["SX",' .. at .. ',' .. i .. ',' .. attempts .. ',' .. ARGV[3] .. ']')
lose(r, i, '{"#":"cancelled","step":' .. quote(name) .. ',"reason":' .. ARGV[3] .. '}', "step '" .. name .. "' was cancelled")
complete(tonumber(ARGV[4]))
return 1
`

/** run. Gives 0 when there is no such run, -1 when it is not over. */
const REMOVE_COMMAND = String.raw`
local r = open(ARGV[1])
if not r then return 0 end
if not isOver(r) then return -1 end
local key = opt(r, 't')
if key then call('UNLINK', P .. 'key:' .. key) end
forget({ r.kind.digest .. ' ' .. ARGV[1] })
return 1
`

/** pipeline. */
const RESUME_COMMAND = String.raw`
call('SREM', P .. 'paused', ARGV[1])
wakeAll = true
complete(nil)
`

/** historyCount, historyMillis. */
const RETAIN_COMMAND = String.raw`
retain(tonumber(ARGV[1]), tonumber(ARGV[2]), 500)
`

/** historyCount, maxLosses, maxValueBytes. Gives in how many milliseconds something is due next. */
const TICK_COMMAND = String.raw`
maxValueBytes = tonumber(ARGV[3])
for _, what in ipairs(call('ZRANGEBYSCORE', P .. 'due', '-inf', at, 'LIMIT', 0, 500)) do
  call('ZREM', P .. 'due', what)
  local kind, ref = string.sub(what, 1, 1), string.sub(what, 2)
  local id, i, item, u = parse(ref)
  local r = open(id or ref)
  if r and not isOver(r) then
    if kind == 's' then
      admit(r)
    elseif kind == 't' then
      fail(r, '{"#":"late","millis":' .. opt(r, 'T') .. '}')
    elseif get(r, 'u' .. u) then
      unitOf(r, u).d = nil
      keepUnit(r, u)
      again(r, i, item)
    end
  end
end
for _, member in ipairs(call('ZRANGEBYSCORE', P .. 'leases', '-inf', at, 'LIMIT', 0, 500)) do
  call('ZREM', P .. 'leases', member)
  local ref, token = string.match(member, '^(.*)|(%d+)$')
  local lease = endLease(ref, token)
  if lease then lost(lease, tonumber(ARGV[2])) end
end
-- What is over leaves the front of queues that no worker takes from.
local swept = 0
for _, queue in ipairs(call('ZRANGE', P .. 'ready', 0, 99)) do
  local key = P .. 'q:' .. queue
  local ref = call('LINDEX', key, 0)
  while ref and swept < 500 do
    local r = open((parse(ref)))
    if r and not isOver(r) then break end
    call('LPOP', key)
    swept = swept + 1
    ref = call('LINDEX', key, 0)
  end
  if not ref then call('ZREM', P .. 'ready', queue) end
end
complete(tonumber(ARGV[1]))
local nearest
for _, key in ipairs({ 'due', 'leases' }) do
  local first = call('ZRANGE', P .. key, 0, 0, 'WITHSCORES')[2]
  if first and (nearest == nil or tonumber(first) < nearest) then nearest = tonumber(first) end
end
return nearest and fmt(math.max(nearest - now, 0)) or ''
`

/** The name of a script. */
export type ScriptName =
  | "submit"
  | "plan"
  | "work"
  | "renew"
  | "note"
  | "cancel"
  | "cancelStep"
  | "remove"
  | "resume"
  | "retain"
  | "tick"
  | "take"
  | "keepToken"
  | ReadingScript
  | ScheduleScript

/** The text of each script. */
export const SCRIPTS: Readonly<Record<ScriptName, string>> = {
  take: TAKE,
  keepToken: KEEP_TOKEN,
  submit: [...RUNS, SUBMIT, SUBMIT_COMMAND].join(""),
  plan: String.raw`
local P, call = KEYS[1], redis.call
local key = P .. 'p:' .. ARGV[1]
for k = 2, #ARGV, 1000 do call('HSET', key, unpack(ARGV, k, math.min(k + 999, #ARGV))) end
-- Until a run has it.
if not call('HGET', key, '#') then call('EXPIRE', key, 3600) end
`,
  work: [...WORK, LENDING, WORK_COMMAND].join(""),
  renew: [BASE, RENEW_COMMAND].join(""),
  note: [...RUNS, NOTE_COMMAND].join(""),
  cancel: [...RUNS, CANCEL_COMMAND].join(""),
  cancelStep: [...RUNS, CANCEL_STEP_COMMAND].join(""),
  remove: [...FREEING, REMOVE_COMMAND].join(""),
  resume: [...RUNS, RESUME_COMMAND].join(""),
  retain: [...FREEING, RETAIN_COMMAND].join(""),
  tick: [...WORK, TICK_COMMAND].join(""),
  ...READING,
  ...schedules([...RUNS, SUBMIT].join(""))
}
