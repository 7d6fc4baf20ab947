/** A client whose scripts fail at one call: which script, and at which of its calls to the server. */
import { createHash } from "node:crypto"
import { Redis } from "ioredis"
import { SCRIPTS, type ScriptName } from "../../adapters/redis/lua/LuaCommands.ts"

/** One failure: at a call of one invocation of a script. */
export interface Injection {
  readonly script: ScriptName
  /** Which invocation since the client was made, from 1. */
  readonly invocation: number
  /** Which call to the server, from 1. */
  readonly call: number
}

const names = new Map(
  Object.entries(SCRIPTS).map(([name, text]) => [createHash("sha1").update(text).digest("hex"), name as ScriptName])
)

/** The script with the server's functions behind a counter. It says in a key of its own that it has failed. */
const failing = (text: string, call: number): string => `
local redis = (function(server)
  local calls = 0
  local function isTheOne(...)
    calls = calls + 1
    if calls ~= ${call} then return false end
    server.call('SET', KEYS[1] .. 'injected', table.concat({ ... }, ' '))
    return true
  end
  return setmetatable({
    call = function(...)
      if isTheOne(...) then error({ err = 'ERR injected' }, 0) end
      return server.call(...)
    end,
    pcall = function(...)
      if isTheOne(...) then return { err = 'ERR injected' } end
      return server.pcall(...)
    end
  }, { __index = server })
end)(redis)
${text}`

/** A client that fails as it is told; and whether it has. */
export const injecting = (
  url: string,
  prefix: string,
  { script, invocation, call }: Injection
): { readonly client: Redis; readonly hasFailed: () => Promise<boolean> } => {
  const client = new Redis(url, { enableAutoPipelining: false, maxRetriesPerRequest: 1 })
  let invocations = 0
  const evalsha = client.evalsha.bind(client) as (...args: ReadonlyArray<unknown>) => Promise<unknown>
  const wrapped = (digest: string, ...rest: ReadonlyArray<unknown>): Promise<unknown> => {
    if (names.get(digest) !== script || ++invocations !== invocation) return evalsha(digest, ...rest)
    const run = client.eval.bind(client) as (...args: ReadonlyArray<unknown>) => Promise<unknown>
    return run(failing(SCRIPTS[script], call), ...rest)
  }
  Object.assign(client, { evalsha: wrapped })
  return { client, hasFailed: async () => (await client.exists(`{${prefix}}:injected`)) === 1 }
}
