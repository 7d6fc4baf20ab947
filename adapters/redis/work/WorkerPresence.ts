/** Which versions of pipelines the workers of this process have, and that these workers are there, as the server knows it. */
import { digest } from "../../../core/pipeline/Version.ts"
import type { Scripts } from "../connection/Scripts.ts"
import * as StoreTime from "../connection/StoreTime.ts"
import { ABSENT_MILLIS } from "../lua/Codes.ts"

/** How long the server keeps a set of versions unless it is refreshed, in seconds; and how often that happens, in milliseconds. */
const KEPT_SECONDS = 3_600
const REFRESH_MILLIS = 600_000

/** How often a worker says that it is there, in milliseconds. */
const PRESENT_MILLIS = 5_000

/** How many of the workers that are there are looked at, to see which versions they have, and how many sets of these. */
const MAX_PRESENT = 500
const MAX_SETS = 50

/** The workers that are there. Finds out of some versions, each a `Version.key`, which ones no worker has; none while there is no worker. */
export const present = async (
  { client, prefix }: Pick<Scripts, "client" | "prefix">,
  nowMillis: number
): Promise<{
  readonly workers: number
  readonly lacking: (versions: ReadonlyArray<string>) => Promise<ReadonlySet<string>>
}> => {
  const since = nowMillis - ABSENT_MILLIS
  const [workers, members] = await Promise.all([
    client.zcount(`${prefix}workers`, since, "+inf"),
    client.zrevrangebyscore(`${prefix}workers`, "+inf", since, "LIMIT", 0, MAX_PRESENT)
  ])
  const digests = [...new Set(members.map((member) => member.slice(0, member.indexOf(" "))))]
  const lacking = async (versions: ReadonlyArray<string>): Promise<ReadonlySet<string>> => {
    // Where not all sets are looked at, any of the others may have a version.
    const left = new Set(digests.length === 0 || digests.length > MAX_SETS ? [] : versions)
    for (const digest of digests) {
      if (left.size === 0) break
      const set = `${prefix}versions:${digest}`
      const asked = [...left]
      // Each set has an empty member: one that is not there has yet to be brought, and may have everything.
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

/** The sets of versions that workers of this process have. */
export class WorkerPresence {
  readonly #scripts: Scripts
  readonly #seen: WeakMap<ReadonlySet<string>, Seen> = new WeakMap()
  readonly #brought: Set<string> = new Set()
  /** What each worker of this process has. */
  readonly #workers: Map<string, string> = new Map()
  /** When it says again that they are there, and that its sets are needed, by the monotonic clock. */
  #presentAtMillis = 0
  #refreshAtMillis = 0

  constructor(scripts: Scripts) {
    this.#scripts = scripts
  }

  /** The name of a set, which a worker has; a set may change. */
  digestOf(worker: string, versions: ReadonlySet<string>): string {
    let seen = this.#seen.get(versions)
    if (seen === undefined || !isSame(seen.keys, versions)) {
      const keys = [...versions]
      seen = { keys, digest: digest([...keys].sort().join("\n")) }
      this.#seen.set(versions, seen)
    }
    if (this.#workers.get(worker) !== seen.digest) {
      this.#workers.set(worker, seen.digest)
      this.#presentAtMillis = 0
    }
    return seen.digest
  }

  /** Tells the server what is in a set. */
  async bring(name: string, versions: ReadonlySet<string>): Promise<void> {
    const { client, prefix } = this.#scripts
    const key = `${prefix}versions:${name}`
    // Also a worker that has nothing has a set.
    await client.sadd(key, "", ...versions)
    await client.expire(key, KEPT_SECONDS)
    this.#brought.add(name)
  }

  /** Keeps the server from forgetting. */
  async refresh(): Promise<void> {
    const { client, prefix } = this.#scripts
    const now = performance.now()
    if (this.#workers.size > 0 && now >= this.#presentAtMillis) {
      this.#presentAtMillis = now + PRESENT_MILLIS
      // By the Store's clock, which others compare with: this machine's may be another.
      const { nowMillis } = await StoreTime.read(client, prefix)
      const present = Array.from(this.#workers, ([worker, name]) => [nowMillis, memberOf(name, worker)]).flat()
      await client.zremrangebyscore(`${prefix}workers`, "-inf", nowMillis - 4 * ABSENT_MILLIS)
      await client.zadd(`${prefix}workers`, ...present)
    }
    if (now < this.#refreshAtMillis) return
    this.#refreshAtMillis = now + REFRESH_MILLIS
    for (const name of this.#brought) await client.expire(`${prefix}versions:${name}`, KEPT_SECONDS)
  }

  /** A worker does not wait for work any more. */
  leave(worker: string): void {
    const { client, prefix } = this.#scripts
    client.zrem(`${prefix}idle:${this.#workers.get(worker)}`, worker).catch(() => undefined)
  }

  /** No worker of this process is there any more. */
  async close(): Promise<void> {
    const { client, prefix } = this.#scripts
    const members = Array.from(this.#workers, ([worker, name]) => memberOf(name, worker))
    if (members.length > 0) await client.zrem(`${prefix}workers`, ...members).catch(() => undefined)
  }
}

const memberOf = (name: string, worker: string): string => `${name} ${worker}`

const isSame = (keys: ReadonlyArray<string>, versions: ReadonlySet<string>): boolean => {
  if (keys.length !== versions.size) return false
  let at = 0
  for (const key of versions) if (keys[at++] !== key) return false
  return true
}
