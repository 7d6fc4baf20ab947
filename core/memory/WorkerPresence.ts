/** The connected workers of a Store in memory, and the pipeline versions that each can run. */
import type { ClaimRequest } from "../store/Work.ts"

/** The connected workers. */
export class WorkerPresence {
  /** The versions of each worker's last claim request; undefined before its first. */
  readonly #workers: Map<string, ReadonlySet<string> | undefined> = new Map()
  readonly #onLeave: () => void

  /** `onLeave` is called after a worker has left. */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave
  }

  get count(): number {
    return this.#workers.size
  }

  get ids(): Iterable<string> {
    return this.#workers.keys()
  }

  /** A worker joins. `versions`: those of its claim request, if it has asked for work already. */
  join(worker: string, versions: ReadonlySet<string> | undefined): void {
    this.#workers.set(worker, versions)
  }

  /** A worker asks for work. */
  asked({ worker, versions }: ClaimRequest): void {
    if (this.#workers.has(worker)) this.#workers.set(worker, versions)
  }

  leave(worker: string): void {
    this.#workers.delete(worker)
    this.#onLeave()
  }

  /** Whether workers are connected and none of them has this version (a `Version.key`). */
  isAbandoned(version: string): boolean {
    for (const versions of this.#workers.values()) if (versions === undefined || versions.has(version)) return false
    return this.#workers.size > 0
  }
}
