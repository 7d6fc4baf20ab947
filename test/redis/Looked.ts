/** Counts at how many things each script looks in one call: every field, member, entry or size that Redis hands to it. */
import type { Redis } from "ioredis"
import { SCRIPTS } from "../../adapters/redis/lua/LuaCommands.ts"

const counting = (name: string, script: string): string => String.raw`
local real, looked = redis, 0
local function sizeOf(reply, command, last)
  if type(reply) ~= 'table' then return 1 end
  if command == 'HSCAN' then return #reply[2] / 2 end
  if command == 'SSCAN' then return #reply[2] end
  if command == 'HGETALL' or last == 'WITHSCORES' then return #reply / 2 end
  return #reply
end
local function counted(act)
  return function(...)
    local given = { ... }
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

/** Has all scripts count, in every Levada that is made from now on by this process. */
export const countLooks = (): void => {
  const scripts = SCRIPTS as Record<string, string>
  for (const name of Object.keys(scripts)) scripts[name] = counting(name, scripts[name]!)
}

/** The most that one call of each script has looked at. */
export const looked = async (redis: Redis, prefix: string): Promise<Readonly<Record<string, number>>> =>
  Object.fromEntries(
    Object.entries(await redis.hgetall(`{${prefix}}:looked`)).map(([name, most]) => [name, Number(most)])
  )
