/** The settings of a Redis server, and whether runs are safe on it. */
import * as Effect from "effect/Effect"
import { Cluster } from "ioredis"
import { StoreUnavailable } from "../../../core/values/Errors.ts"
import { type Client, toUnavailable } from "./Scripts.ts"

/** Requirements that you waive. */
export interface Waivers {
  /** Whether to use a server that evicts keys when its memory is full, and may lose runs. Default: false. */
  readonly allowEviction?: boolean
}

/** The settings and state of a server. */
export interface Facts {
  readonly name: string
  readonly version: string
  readonly role: string
  /** Its `maxmemory-policy`. */
  readonly eviction: string
  readonly usedBytes: number
  /** Its `maxmemory`; 0 when it has none. */
  readonly maxBytes: number
  /** Whether it logs every write to a file (`appendonly`). */
  readonly appendOnly: boolean
  /** Its `appendfsync`: `always`, `everysec` or `no`; undefined when the user may not read it. */
  readonly appendSync: string | undefined
  /** Whether it saves snapshots (`save`); true when the user may not read that. */
  readonly snapshots: boolean
}

/** The oldest version that has all commands used here, such as `LPOP` with a count. */
const LEAST = [6, 2] as const

/** Reads the settings and state of a server; in a cluster, of one of its masters. */
export const facts = (client: Client): Effect.Effect<Facts, StoreUnavailable> =>
  Effect.tryPromise({
    try: async () => {
      const node = client instanceof Cluster ? client.nodes("master")[0]! : client
      const info = parse(await node.info())
      // A user without the right to CONFIG GET still learns from INFO whether there is an append-only file.
      const setting = (name: string): Promise<string | undefined> =>
        node.config("GET", name).then(
          (found) => (found as ReadonlyArray<string>)[1],
          () => undefined
        )
      const save = await setting("save")
      return {
        name: info.get("server_name") ?? "redis",
        version: info.get("valkey_version") ?? info.get("redis_version") ?? "",
        role: info.get("role") ?? "master",
        eviction: info.get("maxmemory_policy") ?? "noeviction",
        usedBytes: Number(info.get("used_memory") ?? 0),
        maxBytes: Number(info.get("maxmemory") ?? 0),
        appendOnly: info.get("aof_enabled") === "1",
        appendSync: await setting("appendfsync"),
        snapshots: save === undefined || save !== ""
      }
    },
    catch: toUnavailable
  })

const parse = (info: string): ReadonlyMap<string, string> =>
  new Map(
    info.split(/\r?\n/).flatMap((line) => {
      const at = line.indexOf(":")
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : []
    })
  )

/** Why Levada refuses a server; undefined when it accepts it. */
export const unfit = (
  { name, version, role, eviction }: Facts,
  { allowEviction = false }: Waivers
): string | undefined => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  if (major < LEAST[0] || (major === LEAST[0] && minor < LEAST[1])) {
    return `the server's version is ${version || "unknown"}, but Levada needs ${LEAST.join(".")} or later`
  }
  if (role !== "master") return "this server is a read-only replica; connect to the master"
  if (eviction !== "noeviction" && !allowEviction) {
    return `${name} evicts keys, and so loses runs, when its memory is full (maxmemory-policy ${eviction}): set 'maxmemory-policy noeviction' on the server, or the option 'allowEviction: true' if runs may be lost`
  }
  return undefined
}

/** Fails for a server that could lose runs; logs a warning for one that writes nothing to disk. */
export const check = (client: Client, waivers: Waivers): Effect.Effect<void, StoreUnavailable> =>
  Effect.flatMap(facts(client), (found) => {
    const why = unfit(found, waivers)
    if (why !== undefined) return Effect.fail(new StoreUnavailable(`Redis: ${why}`))
    return found.appendOnly || found.snapshots
      ? Effect.void
      : Effect.logWarning("Redis writes nothing to disk: runs are lost when it stops. Set 'appendonly yes'")
  })

/** The most that a crash of a server loses, in words. */
export const lossWindow = ({ appendOnly, appendSync, snapshots }: Facts): string => {
  if (!appendOnly) return snapshots ? "all writes since its last snapshot" : "all data"
  if (appendSync === "always") return "no write that it has confirmed"
  return appendSync === "no"
    ? "writes that the operating system has not flushed yet"
    : "about the last second of writes"
}
