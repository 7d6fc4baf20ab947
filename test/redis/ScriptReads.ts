/**
 * Counts how many entries each script reads in one call: every field, member, element or size that Redis returns. Also records
 * the commands with which a script reads after its first write.
 */
import type { Redis } from "ioredis"
import { SCRIPTS } from "../../adapters/redis/lua/LuaCommands.ts"

/** Commands that write; all others read. */
const WRITES =
  "SET DEL UNLINK RENAME EXPIRE PEXPIRE PERSIST HSET HDEL HINCRBY ZADD ZREM ZREMRANGEBYSCORE SADD SREM LPUSH RPUSH LTRIM XADD PUBLISH"

const counting = (name: string, script: string): string => String.raw`
local real, looked, isWritten = redis, 0, false
local writes = {}
for command in string.gmatch('${WRITES}', '%u+') do writes[command] = true end
local function sizeOf(reply, command, last)
  if type(reply) ~= 'table' then return 1 end
  if command == 'HSCAN' or command == 'ZSCAN' then return #reply[2] / 2 end
  if command == 'SSCAN' then return #reply[2] end
  if command == 'HGETALL' or last == 'WITHSCORES' then return #reply / 2 end
  return #reply
end
local function counted(act)
  return function(...)
    local given = { ... }
    if writes[given[1]] then isWritten = true
    elseif isWritten then real.call('SADD', KEYS[1] .. 'late', '${name} ' .. given[1]) end
    local reply = act(...)
    local last = given[#given]
    for _, word in ipairs(given) do if word == 'WITHSCORES' then last = word end end
    looked = looked + sizeOf(reply, given[1], last)
    return reply
  end
end
local redis = setmetatable({ call = counted(real.call), pcall = counted(real.pcall) }, { __index = real })
local function script()
${script}
end
local answer = script()
local most = tonumber(real.call('HGET', KEYS[1] .. 'looked', '${name}') or 0)
if looked > most then real.call('HSET', KEYS[1] .. 'looked', '${name}', looked) end
return answer
`

/** Makes all scripts count, in every Levada that this process makes from now on. */
export const countLooks = (): void => {
  const scripts = SCRIPTS as Record<string, string>
  for (const name of Object.keys(scripts)) scripts[name] = counting(name, scripts[name]!)
}

/** The most that one call of each script has read. */
export const looked = async (redis: Redis, prefix: string): Promise<Readonly<Record<string, number>>> =>
  Object.fromEntries(
    Object.entries(await redis.hgetall(`{${prefix}}:looked`)).map(([name, most]) => [name, Number(most)])
  )

/** Reads after the first write: name of the script and command. */
export const lateReads = (redis: Redis, prefix: string): Promise<ReadonlyArray<string>> =>
  redis.smembers(`{${prefix}}:late`)
