/** Runs the scripts on a server, which keeps them by their digest. */
import * as Effect from "effect/Effect"
import type { Cluster, Redis } from "ioredis"
import { StoreUnavailable } from "../../../core/values/Errors.ts"
import { SCRIPTS, type ScriptName } from "../lua/LuaCommands.ts"

/** A client, of one server or of a cluster. */
export type Client = Redis | Cluster

/** What a script may be given. */
export type Argument = string | number

/** The scripts of one Store. */
export class Scripts {
  readonly client: Client
  /** In front of every key; its hash tag puts all of them into one slot. */
  readonly prefix: string
  readonly #digests: Map<ScriptName, string> = new Map()
  #underWay = 0

  constructor(client: Client, prefix: string) {
    this.client = client
    this.prefix = prefix
  }

  /**
   * Runs a script. Fails when the server does not answer, or takes no commands; dies when the script itself fails, which is a
   * mistake of this code or of what is kept.
   */
  run<A>(name: ScriptName, args: ReadonlyArray<Argument>): Effect.Effect<A, StoreUnavailable> {
    return attempt(() => this.call(name, args) as Promise<A>)
  }

  /** Asks the server for something that is no script. */
  ask<A>(what: (client: Client, prefix: string) => Promise<A>): Effect.Effect<A, StoreUnavailable> {
    return attempt(() => this.#counted(what(this.client, this.prefix)))
  }

  /** The instant by the server's clock. */
  async nowMillis(): Promise<number> {
    return Number(await this.call("now", []))
  }

  /** How many questions are not answered yet. */
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
      // A server that was restarted has forgotten them.
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error
      return this.client.eval(SCRIPTS[name], 1, this.prefix, ...spread(args))
    }
  }
}

/** Awaits an answer. Fails when there is none, dies of any other error. */
export const attempt = <A>(ask: () => Promise<A>): Effect.Effect<A, StoreUnavailable> =>
  // @effect-diagnostics-next-line unknownInEffectCatch:off - a client rejects with anything
  Effect.catch(Effect.tryPromise({ try: ask, catch: (error) => error }), failureOf)

/** The failure that an error stands for, where the server does not answer or takes no commands; else a defect. */
export const failureOf = (error: unknown): Effect.Effect<never, StoreUnavailable> =>
  error instanceof StoreUnavailable
    ? Effect.fail(error)
    : isOutage(error)
      ? Effect.fail(toUnavailable(error))
      : Effect.die(new Error(`Redis: ${reasonOf(error).slice(0, 500)}`))

/** Whether an error is about the server or the way there, and not about what it was asked. */
export const isOutage = (error: unknown): boolean => {
  if (error instanceof StoreUnavailable) return true
  const text = reasonOf(error)
  return REASONS.some(([pattern]) => pattern.test(text))
}

// ioredis takes the arguments as a list too, which its types do not know; so many would not fit on the stack.
const spread = (args: ReadonlyArray<Argument>): ReadonlyArray<Argument> => [args as unknown as Argument]

/** SHA-1 of a text, as Redis knows scripts by, and has within them. */
export const sha1 = async (text: string): Promise<string> => {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text)))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** What went wrong with the server, in words that say what to do, and without what it was asked. */
export const toUnavailable = (error: unknown): StoreUnavailable => {
  const text = reasonOf(error)
  const [pattern, reason] = REASONS.find(([pattern]) => pattern.test(text)) ?? [/^.{0,200}/s, "$&"]
  return new StoreUnavailable(`Redis: ${reason.replace("$&", () => pattern.exec(text)![0])}`)
}

/** What went wrong with the server, as it was told: of a cluster, by the last of its nodes that was asked. */
export const reasonOf = (error: unknown): string => {
  if (typeof error === "string") return error
  if (typeof error !== "object" || error === null) return String(error)
  const { message, lastNodeError } = error as Error & { readonly lastNodeError?: Error }
  return String(lastNodeError?.message ?? message)
}

/** That a server takes no writes because it has become a replica. */
export const IS_REPLICA: RegExp = /^READONLY|read only replica/i

/** What errors say, and what that means; `$&` is what was said. */
const REASONS: ReadonlyArray<readonly [RegExp, string]> = [
  [/OOM command not allowed/, "its memory is full (`maxmemory`), and nothing new is taken until there is room"],
  [IS_REPLICA, "this server is a read-only replica; connect to the master"],
  [/NOREPLICAS/, "too few of its replicas follow (`min-replicas-to-write`), and it takes no writes"],
  [/WRONGTYPE/, "a key of Levada's prefix is of another type; use another `prefix`, or remove what else is there"],
  [/WRONGPASS|NOAUTH/, "it refuses the user name or password"],
  [
    /NOPERM|ACL failure in script|user executing the script can't/,
    "the user may not do what Levada needs; docs/redis.md lists the commands"
  ],
  [
    /alert (?:\w+ )?certificate|alert unknown ca/,
    "it asks for a certificate that it trusts: set `redis.tls.cert` and `redis.tls.key`"
  ],
  [/[^;]*certificate[^;]*/, "its certificate is not trusted: $&; set `redis.tls.ca`, or use the name that it is for"],
  [/^LOADING/, "it is loading its data"],
  [/^BUSY/, "it is busy with a script of another program"],
  [/max number of clients/i, "it has as many clients as it may have (`maxclients`)"],
  [/^MISCONF/, "it can't save to its disk, and takes no writes"],
  [/^(?:CLUSTERDOWN|TRYAGAIN)/, "its cluster is not whole"],
  [/unknown command .sentinel/i, "what `redis.sentinels` names is a server and no Sentinel"],
  [/No such master/, "none of its Sentinels knows a master of this name"],
  [/cluster support disabled/, "this server is not part of a cluster: say `url` instead of `nodes`"],
  [/Command timed out/, "it did not answer in time"],
  [
    /max retries per request|Connection is closed|All sentinels|Failed to refresh|ECONN|EPIPE|ENOTFOUND|ETIMEDOUT|writeable/i,
    "it can't be reached"
  ]
]
