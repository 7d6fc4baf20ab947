/** Connections to Redis: made from options, or a client of the program's own. The server is checked before use. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Cluster, Redis, type RedisOptions } from "ioredis"
import { InvalidOption, StoreUnavailable } from "../../../core/values/Errors.ts"
import * as OptionCheck from "../../../core/values/OptionCheck.ts"
import { type Client, IS_REPLICA, reasonOf, toUnavailable } from "./Scripts.ts"
import * as ServerFacts from "./ServerFacts.ts"

/** Where Redis is: one of `url`, `nodes`, `client` and `redis`. Default: `redis://127.0.0.1:6379`. */
export interface Options extends ServerFacts.Waivers {
  /** `redis://user:password@host:port/database`, or `rediss://` for TLS. */
  readonly url?: string
  /** URLs of some nodes of a Redis Cluster. User, password and TLS of the first URL apply to all nodes. */
  readonly nodes?: ReadonlyArray<string>
  /** Options of ioredis, on top of `url` or `nodes` or alone: TLS, ACL user, Sentinel. */
  readonly redis?: Omit<RedisOptions, "replyMapping">
  /** A client of your own. Levada leaves it open. Its `keyPrefix` must be empty. */
  readonly client?: Client
  /** How long to try to connect before the layer fails, in milliseconds. Default: 10,000. */
  readonly connectMillis?: number
}

/** The first mistake in these options; undefined when there is none. */
export const invalid = (options: Options): InvalidOption | undefined => {
  const mistake =
    OptionCheck.required(OptionCheck.record, "store", options) ??
    OptionCheck.list("store.nodes", options.nodes, "an array of URLs") ??
    OptionCheck.record("store.redis", options.redis, "options of ioredis") ??
    wrongClient(options.client) ??
    OptionCheck.flag("store.allowEviction", options.allowEviction)
  if (mistake !== undefined) return mistake
  const { url, nodes, redis, connectMillis } = options
  const urls = nodes ?? (url === undefined ? [] : [url])
  const at = urls.findIndex(
    (text: unknown) => typeof text !== "string" || !/^rediss?:\/\//.test(text) || !URL.canParse(text)
  )
  if (at !== -1 || nodes?.length === 0) {
    const expected = "a URL such as redis://127.0.0.1:6379, or rediss:// for TLS"
    const wrong: unknown = at === -1 ? "" : urls[at]
    const received = typeof wrong === "string" ? withoutSecrets(wrong) : wrong
    return new InvalidOption(`store.${nodes === undefined ? "url" : "nodes"}`, received, expected)
  }
  if (redis?.sentinels != null && !redis.name) {
    return new InvalidOption("store.redis.name", redis.name, "the name of the master that the Sentinels watch")
  }
  return OptionCheck.millis("store.connectMillis", connectMillis, 1)
}

const wrongClient = (client: unknown): InvalidOption | undefined =>
  client === undefined || typeof (client as Partial<Redis> | null)?.duplicate === "function"
    ? undefined
    : new InvalidOption("store.client", client, "a client of ioredis")

/** The longest that a command may take, in milliseconds. Then it counts as unanswered. */
export const COMMAND_MILLIS = 5_000

/** How long connecting to a Sentinel, or to the master that it names, may take, in milliseconds. */
const SENTINEL_MILLIS = 2_000

/** The timeout of commands, in milliseconds: a third of a lease, so that a renewal can be tried again; 1,000 at least. */
export const commandMillis = (leaseMillis: number): number => Math.min(COMMAND_MILLIS, Math.max(leaseMillis / 3, 1_000))

const defaults = (commandTimeout: number): RedisOptions & { readonly replyMapping: "legacy" } => ({
  replyMapping: "legacy",
  lazyConnect: true,
  enableAutoPipelining: true,
  // In a pipeline, small commands would wait for scripts, and scripts for one another. And the `zrem` with which a worker
  // stops waiting must keep its place among the scripts of this worker.
  autoPipeliningIgnoredCommands: ["evalsha", "zrem"],
  // A caller learns soon that the server does not answer. Workers try again by themselves.
  maxRetriesPerRequest: 1,
  commandTimeout,
  connectTimeout: COMMAND_MILLIS,
  // Detects a dead connection: all of these connections have steady traffic.
  socketTimeout: 2 * COMMAND_MILLIS,
  // A Sentinel that does not answer is skipped before the waiting commands time out.
  sentinelCommandTimeout: commandTimeout / 4,
  // After a failover, the same address soon leads to the new master.
  reconnectOnError: ({ message }) => IS_REPLICA.test(message),
  retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), 1_000)
})

/** A connection for commands, and one for notifications. */
export interface Connection {
  readonly client: Client
  readonly subscriber: Client
}

/**
 * Connects and checks the server. Both connections close with the scope, except for `options.client`. Commands time out
 * after `commandTimeout` milliseconds.
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
    // An "error" event without a listener ends the program or is printed. Commands report their own errors. A client of
    // Levada's own keeps its listener, because it may emit errors after it is closed.
    client.on("error", quiet)
    if (client === options.client) yield* Effect.addFinalizer(() => Effect.sync(() => client.off("error", quiet)))
    yield* reached(client, options)
    yield* ServerFacts.check(client, options)
    const subscriber = yield* Effect.acquireRelease(
      Effect.sync(() => subscriberOf(client as Redis)),
      close
    )
    subscriber.on("error", quiet)
    yield* reached(subscriber, options)
    return { client, subscriber }
  })

const quiet = (): void => undefined

const make = ({ url, nodes, redis }: Options, commandTimeout: number): Client => {
  // Each unreachable Sentinel delays every connection by this timeout.
  const connecting = redis?.sentinels != null && { connectTimeout: SENTINEL_MILLIS }
  const options = { ...defaults(commandTimeout), ...connecting, ...redis }
  if (nodes === undefined) return url === undefined ? new Redis(options) : new Redis(url, options)
  const { lazyConnect, enableAutoPipelining, autoPipeliningIgnoredCommands, ...others } = options
  const urls = nodes.map((node) => new URL(node))
  const { protocol, username, password } = urls[0]!
  const redisOptions: typeof others = {
    ...(username !== "" && { username: decodeURIComponent(username) }),
    ...(password !== "" && { password: decodeURIComponent(password) }),
    ...(protocol === "rediss:" && { tls: {} }),
    ...others
  }
  return new Cluster(
    urls.map(({ hostname, port }) => ({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 6379) })),
    {
      lazyConnect: lazyConnect!,
      enableAutoPipelining: enableAutoPipelining!,
      autoPipeliningIgnoredCommands: autoPipeliningIgnoredCommands!,
      redisOptions
    }
  )
}

// Notifications subscribes again itself: if ioredis did, its rejection would be unhandled and end the program.
const subscriberOf = (client: Redis): Client =>
  client.duplicate({ enableAutoPipelining: false, lazyConnect: true, autoResubscribe: false })

const close = (client: Client): Effect.Effect<void> => Effect.sync(() => client.disconnect())

/** Errors that waiting does not resolve. */
const FINAL = /WRONGPASS|NOAUTH|NOPERM|invalid password|ERR AUTH|certificate|cluster support disabled/i

/** Tries until the server answers. */
const reached = (
  client: Client,
  { connectMillis = 10_000, url, nodes }: Options
): Effect.Effect<void, StoreUnavailable> =>
  Effect.suspend(() => {
    const where = url === undefined ? (nodes?.map(withoutSecrets).join(", ") ?? placeOf(client)) : withoutSecrets(url)
    // The reason why a client can't connect is in an "error" event. The errors of its commands do not have it.
    let last = "Command timed out"
    const note = (error: unknown): void => {
      if (!FINAL.test(last)) last = reasonOf(error)
    }
    client.on("error", note)
    const why = (): StoreUnavailable => new StoreUnavailable(`${toUnavailable(last).message} (${where})`)
    const ping = Effect.tryPromise({
      try: () => client.ping(),
      catch: (error) => {
        if (FINAL.test(reasonOf(error))) note(error)
        return why()
      }
    })
    const again: Effect.Effect<unknown, StoreUnavailable> = Effect.catch(ping, (failure) =>
      FINAL.test(last) ? Effect.fail(failure) : Effect.andThen(Effect.sleep(100), again)
    )
    return Effect.timeoutOrElse(again, {
      duration: connectMillis,
      orElse: () => Effect.suspend(() => Effect.fail(why()))
    }).pipe(Effect.asVoid, Effect.ensuring(Effect.sync(() => client.off("error", note))))
  })

const placeOf = (client: Client): string => {
  if (client instanceof Cluster) return "a cluster"
  const { sentinels, name, path, host, port } = client.options
  if (sentinels != null) {
    return `${name} of ${sentinels.map((at) => `${at.host ?? "localhost"}:${at.port ?? 26_379}`).join(", ")}`
  }
  return path ?? `${host}:${port}`
}

const withoutSecrets = (url: string): string => url.replace(/^(\w+:\/\/)?.*@/s, "$1").replace(/\?.*/s, "")
