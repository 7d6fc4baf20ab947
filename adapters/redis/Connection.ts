/** Connections to Redis: made from what the program says, or lent by it; checked before anything is kept there. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Cluster, Redis, type RedisOptions } from "ioredis"
import { StoreUnavailable } from "../../core/Errors.ts"
import { type Client, toUnavailable } from "./Scripts.ts"
import * as Server from "./Server.ts"

/** Where Redis is. One of `url`, `nodes`, `client` and `redis` says it; without, it is `redis://127.0.0.1:6379`. */
export interface Options extends Server.Waivers {
  /** `redis://user:password@host:port/database`, or `rediss://` for TLS. */
  readonly url?: string
  /** Nodes of a Redis Cluster, as URLs; the others are found from there. */
  readonly nodes?: ReadonlyArray<string>
  /** Options of ioredis, on top of `url` or `nodes` or alone: TLS, ACL user, Sentinel. */
  readonly redis?: Omit<RedisOptions, "replyMapping">
  /** A client of the program's own, which stays open. Its `keyPrefix` has to be empty. */
  readonly client?: Client
  /** How long to try to connect before the layer fails, in milliseconds. Default: 10,000. */
  readonly connectMillis?: number
}

/** What a command may take before it counts as unanswered, in milliseconds. */
export const COMMAND_MILLIS = 5_000

/** The same for a Store whose leases last so long: less than these, so that it can be tried again, and a second at least. */
export const commandMillis = (leaseMillis: number): number => Math.min(COMMAND_MILLIS, Math.max(leaseMillis / 3, 1_000))

const defaults = (commandTimeout: number): RedisOptions & { readonly replyMapping: "legacy" } => ({
  replyMapping: "legacy",
  lazyConnect: true,
  enableAutoPipelining: true,
  // Scripts do much at once already. Small commands would wait for them, and they for one another. And what a worker
  // takes back with `zrem` must not overtake, or be overtaken by, what it says in a script.
  autoPipeliningIgnoredCommands: ["evalsha", "zrem"],
  // Whoever asks is told soon that nobody answers; who works tries again.
  maxRetriesPerRequest: 1,
  commandTimeout,
  connectTimeout: COMMAND_MILLIS,
  // A connection that died without a word is noticed: there is traffic on all of ours, all the time.
  socketTimeout: 2 * COMMAND_MILLIS,
  retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), 1_000)
})

/** A connection for commands, and one that only listens. */
export interface Connection {
  readonly client: Client
  readonly subscriber: Client
}

/**
 * Connects and checks the server. Both connections end with the scope, but for a client of the program's own. A command
 * may take `commandTimeout` milliseconds.
 */
export const open = (
  options: Options,
  commandTimeout: number
): Effect.Effect<Connection, StoreUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* options.client === undefined
      ? Effect.acquireRelease(
          Effect.sync(() => make(options, commandTimeout)),
          close
        )
      : Effect.succeed(options.client)
    // An error without a listener would end the program; commands report what concerns them.
    const quiet = () => undefined
    client.on("error", quiet)
    yield* Effect.addFinalizer(() => Effect.sync(() => client.off("error", quiet)))
    yield* reached(client, options)
    yield* Server.check(client, options)
    const subscriber = yield* Effect.acquireRelease(
      Effect.sync(() => (client as Redis).duplicate({ enableAutoPipelining: false, lazyConnect: true }) as Client),
      close
    )
    subscriber.on("error", quiet)
    return { client, subscriber }
  })

const make = ({ url, nodes, redis }: Options, commandTimeout: number): Client => {
  const options = { ...defaults(commandTimeout), ...redis }
  if (nodes !== undefined) {
    const { lazyConnect, enableAutoPipelining, autoPipeliningIgnoredCommands, ...redisOptions } = options
    return new Cluster(
      nodes.map((node) => {
        const { hostname, port } = new URL(node)
        return { host: hostname, port: Number(port || 6379) }
      }),
      {
        lazyConnect: lazyConnect!,
        enableAutoPipelining: enableAutoPipelining!,
        autoPipeliningIgnoredCommands: autoPipeliningIgnoredCommands!,
        redisOptions
      }
    )
  }
  return url === undefined ? new Redis(options) : new Redis(url, options)
}

const close = (client: Client): Effect.Effect<void> => Effect.sync(() => client.disconnect())

/** Refusals that no waiting mends. */
const FINAL = /WRONGPASS|NOAUTH|NOPERM|invalid password|ERR AUTH|certificate/i

/** Tries until the server answers. */
const reached = (
  client: Client,
  { connectMillis = 10_000, url, nodes }: Options
): Effect.Effect<void, StoreUnavailable> =>
  Effect.suspend(() => {
    const where = withoutSecrets(url ?? nodes?.join(", ") ?? placeOf(client))
    // A client reports why it can't connect as an event; what it rejects commands with says only that it could not.
    let last: unknown = new Error("Command timed out")
    const note = (error: unknown): void => {
      if (!FINAL.test(String(last))) last = error
    }
    client.on("error", note)
    const why = (): StoreUnavailable => new StoreUnavailable(`${toUnavailable(last).message} (${where})`)
    const ping = Effect.tryPromise({
      try: () => client.ping(),
      catch: (error) => {
        if (FINAL.test(String(error))) note(error)
        return why()
      }
    })
    const again: Effect.Effect<unknown, StoreUnavailable> = Effect.catch(ping, (failure) =>
      FINAL.test(String(last)) ? Effect.fail(failure) : Effect.andThen(Effect.sleep(100), again)
    )
    return Effect.timeoutOrElse(again, {
      duration: connectMillis,
      orElse: () => Effect.suspend(() => Effect.fail(why()))
    }).pipe(Effect.asVoid, Effect.ensuring(Effect.sync(() => client.off("error", note))))
  })

const placeOf = (client: Client): string =>
  client instanceof Cluster ? "a cluster" : `${client.options.host ?? "127.0.0.1"}:${client.options.port ?? 6379}`

const withoutSecrets = (url: string): string => url.replace(/\/\/[^@/]*@/g, "//")
