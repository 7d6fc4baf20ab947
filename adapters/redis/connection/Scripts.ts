/** Runs Lua scripts on the server, which caches them by digest. */
import * as Effect from "effect/Effect"
import type { Cluster, Redis } from "ioredis"
import { StoreUnavailable } from "../../../core/values/Errors.ts"
import { SCRIPTS, type ScriptName } from "../lua/LuaCommands.ts"

/** An ioredis client of one server or of a cluster. */
export type Client = Redis | Cluster

/** An argument of a script. */
export type Argument = string | number

/** The scripts of one Store. */
export class Scripts {
  readonly client: Client
  /** Prefix of every key. Its hash tag puts all keys into one slot. */
  readonly prefix: string
  readonly #digests: Map<ScriptName, string> = new Map()
  #underWay = 0

  constructor(client: Client, prefix: string) {
    this.client = client
    this.prefix = prefix
  }

  /**
   * Runs a script. Fails when the server does not answer or refuses commands. Dies when the script itself fails: a bug, or
   * corrupt data.
   */
  run<A>(name: ScriptName, args: ReadonlyArray<Argument>): Effect.Effect<A, StoreUnavailable> {
    return attempt(() => this.call(name, args) as Promise<A>)
  }

  /** Runs commands that are not scripts. */
  ask<A>(what: (client: Client, prefix: string) => Promise<A>): Effect.Effect<A, StoreUnavailable> {
    return attempt(() => this.#counted(what(this.client, this.prefix)))
  }

  /** The time by the Store's clock, in milliseconds since 1970. */
  async nowMillis(): Promise<number> {
    return Number(await this.call("now", []))
  }

  /** How many calls are not answered yet. */
  get underWay(): number {
    return this.#underWay
  }

  /** Runs a script, as a Promise. */
  call(name: ScriptName, args: ReadonlyArray<Argument>): Promise<unknown> {
    return this.#counted(this.#call(name, args))
  }

  async #counted<A>(asking: Promise<A>): Promise<A> {
    this.#underWay++
    try {
      return await asking
    } finally {
      this.#underWay--
    }
  }

  async #call(name: ScriptName, args: ReadonlyArray<Argument>): Promise<unknown> {
    let digest = this.#digests.get(name)
    if (digest === undefined) {
      digest = await sha1(SCRIPTS[name])
      this.#digests.set(name, digest)
    }
    try {
      return await this.client.evalsha(digest, 1, this.prefix, ...spread(args))
    } catch (error) {
      // A restarted server has lost its scripts.
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error
      return this.client.eval(SCRIPTS[name], 1, this.prefix, ...spread(args))
    }
  }
}

/** Awaits an answer. Fails when the server gives none, and dies of any other error. */
export const attempt = <A>(ask: () => Promise<A>): Effect.Effect<A, StoreUnavailable> =>
  // @effect-diagnostics-next-line unknownInEffectCatch:off - a client rejects with anything
  Effect.catch(Effect.tryPromise({ try: ask, catch: (error) => error }), failureOf)

/** A failure if the server does not answer or refuses commands; otherwise a defect. */
export const failureOf = (error: unknown): Effect.Effect<never, StoreUnavailable> =>
  error instanceof StoreUnavailable
    ? Effect.fail(error)
    : isOutage(error)
      ? Effect.fail(toUnavailable(error))
      : Effect.die(new Error(`Redis: ${reasonOf(error).slice(0, 500)}`))

/** Whether an error concerns the server or the connection, and not the command. */
export const isOutage = (error: unknown): boolean => {
  if (error instanceof StoreUnavailable) return true
  const text = reasonOf(error)
  return REASONS.some(([pattern]) => pattern.test(text))
}

// ioredis also takes the arguments as one list, which its types lack. Spread, long lists would overflow the stack.
const spread = (args: ReadonlyArray<Argument>): ReadonlyArray<Argument> => [args as unknown as Argument]

/** The SHA-1 of a text, in hexadecimal: the digest of a script in Redis, also from `redis.sha1hex`. */
export const sha1 = async (text: string): Promise<string> => {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text)))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** The failure for an error of the server. Its message says what is wrong and what to do; it does not quote the command. */
export const toUnavailable = (error: unknown): StoreUnavailable => {
  const text = reasonOf(error)
  const [pattern, reason] = REASONS.find(([pattern]) => pattern.test(text)) ?? [/^.{0,200}/s, "$&"]
  return new StoreUnavailable(`Redis: ${reason.replace("$&", () => pattern.exec(text)![0])}`)
}

/** The message of an error; in a cluster, the one of the node that was asked last. */
export const reasonOf = (error: unknown): string => {
  if (typeof error === "string") return error
  if (typeof error !== "object" || error === null) return String(error)
  const { message, lastNodeError } = error as Error & { readonly lastNodeError?: Error }
  return String(lastNodeError?.message ?? message)
}

/** Errors of a server that has become a replica, and refuses writes. */
export const IS_REPLICA: RegExp = /^READONLY|read only replica/i

/** Errors, and the reasons that messages give for them. `$&` stands for the matched text. */
const REASONS: ReadonlyArray<readonly [RegExp, string]> = [
  [/OOM command not allowed/, "the server's memory is full (`maxmemory`): it refuses writes until there is room"],
  [IS_REPLICA, "this server is a read-only replica; connect to the master"],
  [/NOREPLICAS/, "the server refuses writes: too few replicas are connected (`min-replicas-to-write`)"],
  [
    /WRONGTYPE/,
    "a key under Levada's prefix has a type that Levada does not use; use another `prefix`, or remove that key"
  ],
  [/WRONGPASS|NOAUTH/, "the server refuses the user name or password"],
  [
    /NOPERM|ACL failure in script|user executing the script can't/,
    "the user lacks a right that Levada needs; docs/redis.md lists the commands"
  ],
  [
    /alert (?:\w+ )?certificate|alert unknown ca/,
    "the server requires a client certificate that it trusts: set `redis.tls.cert` and `redis.tls.key`"
  ],
  [
    /[^;]*certificate[^;]*/,
    "the server's certificate is not trusted: $&; set `redis.tls.ca`, or connect to the name in the certificate"
  ],
  [/^LOADING/, "the server is still loading its data"],
  [/^BUSY/, "the server is busy with a long script"],
  [/max number of clients/i, "the server has as many clients as it accepts (`maxclients`)"],
  [/^MISCONF/, "the server refuses writes: it can't save to its disk"],
  [/^(?:CLUSTERDOWN|TRYAGAIN)/, "the cluster is incomplete: some slots have no master, or are being moved"],
  [/unknown command .sentinel/i, "`redis.sentinels` names a Redis server that is not a Sentinel"],
  [/No such master/, "no Sentinel knows a master of this name"],
  [/cluster support disabled/, "this server is not part of a cluster: set `url` instead of `nodes`"],
  [/Command timed out/, "the server did not answer in time"],
  [
    /max retries per request|Connection is closed|All sentinels|Failed to refresh|ECONN|EPIPE|ENOTFOUND|ETIMEDOUT|writeable/i,
    "the server can't be reached"
  ]
]
