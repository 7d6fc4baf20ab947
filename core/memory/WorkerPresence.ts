/** Which workers of a Store in memory are there, and which versions of pipelines they have. */
import type { ClaimRequest } from "../store/Work.ts"

/** Workers that are there. */
export class WorkerPresence {
  /** What each asked for last; undefined until it has asked. */
  readonly #workers: Map<string, ReadonlySet<string> | undefined> = new Map()
  readonly #onLeave: () => void

  /** `left` is called when a worker has left. */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave
  }

  get count(): number {
    return this.#workers.size
  }

  /** A worker comes; it may have asked for work already. */
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

  /** Whether workers are there, and none of them has a version (a `Version.key`). */
  isAbandoned(version: string): boolean {
    for (const versions of this.#workers.values()) if (versions === undefined || versions.has(version)) return false
    return this.#workers.size > 0
  }
}
