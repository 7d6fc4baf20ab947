/** Connections to Redis: made from what the program says, or lent by it; checked before anything is kept there. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Cluster, Redis, type RedisOptions } from "ioredis"
import { InvalidOption, StoreUnavailable } from "../../../core/values/Errors.ts"
import * as OptionCheck from "../../../core/values/OptionCheck.ts"
import { type Client, IS_REPLICA, reasonOf, toUnavailable } from "./Scripts.ts"
import * as ServerFacts from "./ServerFacts.ts"

/** Where Redis is. One of `url`, `nodes`, `client` and `redis` says it; without, it is `redis://127.0.0.1:6379`. */
export interface Options extends ServerFacts.Waivers {
  /** `redis://user:password@host:port/database`, or `rediss://` for TLS. */
  readonly url?: string
  /** Nodes of a Redis Cluster, as URLs; the others are found from there. User, password and TLS are the first one's. */
  readonly nodes?: ReadonlyArray<string>
  /** Options of ioredis, on top of `url` or `nodes` or alone: TLS, ACL user, Sentinel. */
  readonly redis?: Omit<RedisOptions, "replyMapping">
  /** A client of the program's own, which stays open. Its `keyPrefix` has to be empty. */
  readonly client?: Client
  /** How long to try to connect before the layer fails, in milliseconds. Default: 10,000. */
  readonly connectMillis?: number
}

/** What is wrong with these options; nothing when they can be used. */
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

/** What a command may take before it counts as unanswered, in milliseconds. */
export const COMMAND_MILLIS = 5_000

/** What it may take to reach a Sentinel, or the master that it names. */
const SENTINEL_MILLIS = 2_000

/** What a command may take on a Store whose leases last so long: less than these, so that it can be tried again, and a second at least. */
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
  // A Sentinel that does not answer is passed over, before what waits for the connection counts as unanswered.
  sentinelCommandTimeout: commandTimeout / 4,
  // Its name leads to another server by now, or will soon.
  reconnectOnError: ({ message }) => IS_REPLICA.test(message),
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
    // An error without a listener would end the program, or be printed; commands report what concerns them. One of ours
    // may have something to say also when it is closed.
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
  // Each Sentinel whose machine is gone takes so long, whenever somebody connects.
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

// Subscribing anew is for News: what ioredis rejects there has no owner, and would end the program.
const subscriberOf = (client: Redis): Client =>
  client.duplicate({ enableAutoPipelining: false, lazyConnect: true, autoResubscribe: false })

const close = (client: Client): Effect.Effect<void> => Effect.sync(() => client.disconnect())

/** Refusals that no waiting mends. */
const FINAL = /WRONGPASS|NOAUTH|NOPERM|invalid password|ERR AUTH|certificate|cluster support disabled/i

/** Tries until the server answers. */
const reached = (
  client: Client,
  { connectMillis = 10_000, url, nodes }: Options
): Effect.Effect<void, StoreUnavailable> =>
  Effect.suspend(() => {
    const where = url === undefined ? (nodes?.map(withoutSecrets).join(", ") ?? placeOf(client)) : withoutSecrets(url)
    // A client reports why it can't connect as an event; what it rejects commands with says only that it could not.
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
