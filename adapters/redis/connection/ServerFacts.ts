/** What a Redis server has to be like, so that nothing is lost on it. */
import * as Effect from "effect/Effect"
import { Cluster } from "ioredis"
import { StoreUnavailable } from "../../../core/values/Errors.ts"
import { type Client, toUnavailable } from "./Scripts.ts"

/** What is not to be insisted on. */
export interface Waivers {
  /** Whether a server may be used that evicts keys when its memory is full: runs may be lost then. Default: false. */
  readonly allowEviction?: boolean
}

/** What a server says of itself. */
export interface Facts {
  readonly name: string
  readonly version: string
  readonly role: string
  /** What it does when its memory is full. */
  readonly eviction: string
  readonly usedBytes: number
  /** 0 where there is no bound. */
  readonly maxBytes: number
  /** Whether every write is in a file before or soon after it is answered. */
  readonly appendOnly: boolean
  /** When that file is written: `always`, `everysec` or `no`; nothing where that is not to be seen. */
  readonly appendSync: string | undefined
  /** Whether it writes all of its memory to a file now and then. */
  readonly snapshots: boolean
}

/** The least version: `LPOP` with a count came with it. */
const LEAST = [6, 2] as const

/** Asks a server what it is like; of a cluster, one of its masters. */
export const facts = (client: Client): Effect.Effect<Facts, StoreUnavailable> =>
  Effect.tryPromise({
    try: async () => {
      const node = client instanceof Cluster ? client.nodes("master")[0]! : client
      const info = parse(await node.info())
      // Who may not see the configuration sees by INFO at least whether it keeps an append-only file.
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

/** What makes a server unfit; nothing when it is fit. */
export const unfit = (
  { name, version, role, eviction }: Facts,
  { allowEviction = false }: Waivers
): string | undefined => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  if (major < LEAST[0] || (major === LEAST[0] && minor < LEAST[1])) {
    return `its version is ${version || "unknown"}; ${LEAST.join(".")} or later is needed`
  }
  if (role !== "master") return "this server is a read-only replica; connect to the master"
  if (eviction !== "noeviction" && !allowEviction) {
    return `${name} would evict keys when its memory is full (maxmemory-policy ${eviction}), and runs with them: set 'maxmemory-policy noeviction', or say 'allowEviction: true' if runs may be lost`
  }
  return undefined
}

/** Refuses a server on which runs would be lost; says what is risky about one that is used. */
export const check = (client: Client, waivers: Waivers): Effect.Effect<void, StoreUnavailable> =>
  Effect.flatMap(facts(client), (found) => {
    const why = unfit(found, waivers)
    if (why !== undefined) return Effect.fail(new StoreUnavailable(`Redis: ${why}`))
    return found.appendOnly || found.snapshots
      ? Effect.void
      : Effect.logWarning("Redis keeps nothing on its disk: runs are lost when it stops. Set 'appendonly yes'")
  })

/** What a crash of a server loses at most. */
export const lossWindow = ({ appendOnly, appendSync, snapshots }: Facts): string => {
  if (!appendOnly) return snapshots ? "what came since its last snapshot" : "everything"
  if (appendSync === "always") return "nothing that was answered"
  return appendSync === "no" ? "what the operating system had not written yet" : "about the last second"
}
