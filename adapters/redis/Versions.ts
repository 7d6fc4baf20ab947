/** Which versions of pipelines the workers of this process have, as the server knows it: sets by digest. */
import { digest } from "../../core/Version.ts"
import type { Scripts } from "./Scripts.ts"

/** How long the server keeps such a set unless it is refreshed, in seconds; and how often that happens, in milliseconds. */
const KEPT_SECONDS = 3_600
const REFRESH_MILLIS = 600_000

interface Seen {
  readonly keys: ReadonlyArray<string>
  readonly digest: string
}

/** The sets of versions that workers of this process have. */
export class Versions {
  readonly #scripts: Scripts
  readonly #seen: WeakMap<ReadonlySet<string>, Seen> = new WeakMap()
  readonly #brought: Set<string> = new Set()
  #refreshAtMillis = 0

  constructor(scripts: Scripts) {
    this.#scripts = scripts
  }

  /** The name of a set; a set may change. */
  digestOf(versions: ReadonlySet<string>): string {
    const seen = this.#seen.get(versions)
    if (seen !== undefined && isSame(seen.keys, versions)) return seen.digest
    const keys = [...versions]
    const found = { keys, digest: digest([...keys].sort().join("\n")) }
    this.#seen.set(versions, found)
    return found.digest
  }

  /** Tells the server what is in a set. */
  async bring(versions: ReadonlySet<string>): Promise<void> {
    const { client, prefix } = this.#scripts
    const name = this.digestOf(versions)
    const key = `${prefix}versions:${name}`
    // Also a worker that has nothing has a set.
    await client.sadd(key, "", ...versions)
    await client.expire(key, KEPT_SECONDS)
    this.#brought.add(name)
  }

  /** Keeps the server from forgetting. */
  async refresh(): Promise<void> {
    if (Date.now() < this.#refreshAtMillis) return
    this.#refreshAtMillis = Date.now() + REFRESH_MILLIS
    const { client, prefix } = this.#scripts
    await Promise.all(Array.from(this.#brought, (name) => client.expire(`${prefix}versions:${name}`, KEPT_SECONDS)))
  }

  /** A worker does not wait for work any more. */
  leave(worker: string, versions: ReadonlySet<string>): void {
    const { client, prefix } = this.#scripts
    client.zrem(`${prefix}idle:${this.digestOf(versions)}`, worker).catch(() => undefined)
  }
}

const isSame = (keys: ReadonlyArray<string>, versions: ReadonlySet<string>): boolean => {
  if (keys.length !== versions.size) return false
  let at = 0
  for (const key of versions) if (keys[at++] !== key) return false
  return true
}
