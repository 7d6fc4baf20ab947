/** Tells Redis which workers this process has, and which versions of pipelines they can run. */
import type * as Clock from "effect/Clock"
import { digest } from "../../../core/pipeline/Version.ts"
import * as Monotonic from "../../../core/runtime/Monotonic.ts"
import type { Scripts } from "../connection/Scripts.ts"
import * as StoreTime from "../connection/StoreTime.ts"
import { BOUND, KEY } from "../lua/Codes.ts"

/** When a set of versions expires unless it is refreshed, in seconds; and how often it is refreshed, in milliseconds. */
const KEPT_SECONDS = 3_600
const REFRESH_MILLIS = 600_000

/** How often a worker reports that it is present, in milliseconds. */
const PRESENT_MILLIS = 5_000

/** Of how many present workers, and how many sets of versions, `present` reads the versions. */
const MAX_PRESENT = 500
const MAX_SETS = 50

/**
 * The number of present workers, and a function that picks out the versions, each a `Version.key`, that no worker has. It
 * picks none while no worker is present.
 */
export const present = async (
  { client, prefix }: Pick<Scripts, "client" | "prefix">,
  nowMillis: number
): Promise<{
  readonly workers: number
  readonly lacking: (versions: ReadonlyArray<string>) => Promise<ReadonlySet<string>>
}> => {
  const since = nowMillis - BOUND.absentMillis
  const [workers, members] = await Promise.all([
    client.zcount(`${prefix}${KEY.workers}`, since, "+inf"),
    client.zrevrangebyscore(`${prefix}${KEY.workers}`, "+inf", since, "LIMIT", 0, MAX_PRESENT)
  ])
  const digests = [...new Set(members.map((member) => member.slice(0, member.indexOf(" "))))]
  const lacking = async (versions: ReadonlyArray<string>): Promise<ReadonlySet<string>> => {
    // With too many sets to read, each version might be in one of the others.
    const left = new Set(digests.length === 0 || digests.length > MAX_SETS ? [] : versions)
    for (const digest of digests) {
      if (left.size === 0) break
      const set = `${prefix}${KEY.versions}${digest}`
      const asked = [...left]
      // Each set has an empty member. A set without it has not been sent yet: its workers may have every version.
      const [isKnown, ...has] = await Promise.all(["", ...asked].map((version) => client.sismember(set, version)))
      for (const [at, version] of asked.entries()) if (isKnown !== 1 || has[at] === 1) left.delete(version)
    }
    return left
  }
  return { workers, lacking }
}

interface Seen {
  readonly keys: ReadonlyArray<string>
  readonly digest: string
}

/** The presence of the workers of one process. */
export class WorkerPresence {
  readonly #scripts: Scripts
  readonly #clock: Clock.Clock
  readonly #seen: WeakMap<ReadonlySet<string>, Seen> = new WeakMap()
  readonly #sent: Set<string> = new Set()
  /** The digest of each worker's versions. */
  readonly #workers: Map<string, string> = new Map()
  /** When to report the workers and refresh the sets again, in milliseconds of the monotonic clock. */
  #presentAtMillis = Number.NEGATIVE_INFINITY
  #refreshAtMillis = Number.NEGATIVE_INFINITY

  constructor(scripts: Scripts, clock: Clock.Clock) {
    this.#scripts = scripts
    this.#clock = clock
  }

  /** The digest of the versions of a worker. The set may have changed since the last call. */
  digestOf(worker: string, versions: ReadonlySet<string>): string {
    let seen = this.#seen.get(versions)
    if (seen === undefined || !isSame(seen.keys, versions)) {
      const keys = [...versions]
      seen = { keys, digest: digest([...keys].sort().join("\n")) }
      this.#seen.set(versions, seen)
    }
    if (this.#workers.get(worker) !== seen.digest) {
      this.#workers.set(worker, seen.digest)
      this.#presentAtMillis = Number.NEGATIVE_INFINITY
    }
    return seen.digest
  }

  /** Sends a set of versions to Redis. */
  async send(name: string, versions: ReadonlySet<string>): Promise<void> {
    const { client, prefix } = this.#scripts
    const key = `${prefix}${KEY.versions}${name}`
    // With an empty member, so that the set of a worker without versions exists too.
    await client.sadd(key, "", ...versions)
    await client.expire(key, KEPT_SECONDS)
    this.#sent.add(name)
  }

  /** Reports the workers as present, and refreshes their sets of versions, when it is time. */
  async refresh(): Promise<void> {
    const { client, prefix } = this.#scripts
    const now = Monotonic.millis(this.#clock)
    if (this.#workers.size > 0 && now >= this.#presentAtMillis) {
      this.#presentAtMillis = now + PRESENT_MILLIS
      // By the Store's clock, which all processes share.
      const { nowMillis } = await StoreTime.read(client, prefix)
      const present = Array.from(this.#workers, ([worker, name]) => [nowMillis, memberOf(name, worker)]).flat()
      await client.zremrangebyscore(`${prefix}${KEY.workers}`, "-inf", nowMillis - 4 * BOUND.absentMillis)
      await client.zadd(`${prefix}${KEY.workers}`, ...present)
    }
    if (now < this.#refreshAtMillis) return
    this.#refreshAtMillis = now + REFRESH_MILLIS
    for (const name of this.#sent) await client.expire(`${prefix}${KEY.versions}${name}`, KEPT_SECONDS)
  }

  /** Removes a worker from the waiting ones. */
  leave(worker: string): void {
    const { client, prefix } = this.#scripts
    client.zrem(`${prefix}${KEY.idle}${this.#workers.get(worker)}`, worker).catch(() => undefined)
  }

  /** Reports that all workers of this process are gone. */
  async close(): Promise<void> {
    const { client, prefix } = this.#scripts
    const members = Array.from(this.#workers, ([worker, name]) => memberOf(name, worker))
    if (members.length > 0) await client.zrem(`${prefix}${KEY.workers}`, ...members).catch(() => undefined)
  }
}

const memberOf = (name: string, worker: string): string => `${name} ${worker}`

const isSame = (keys: ReadonlyArray<string>, versions: ReadonlySet<string>): boolean => {
  if (keys.length !== versions.size) return false
  let at = 0
  for (const key of versions) if (keys[at++] !== key) return false
  return true
}
