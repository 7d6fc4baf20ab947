/** The idempotency keys of a Store in memory. */

/** The run that a key names. */
export interface KeyedRun {
  readonly runId: string
  readonly fingerprint: string
  readonly expiresAtMillis: number
}

/** How many keys are kept; the oldest are dropped first. */
const MAX_KEYS = 100_000

/** Keys in the order in which they were added, which is the order in which they expire. */
export class IdempotencyKeys {
  readonly #runs: Map<string, KeyedRun> = new Map()
  /** The reverse: the key by run id. */
  readonly #keys: Map<string, string> = new Map()

  find(pipelineId: string, key: string, nowMillis: number): KeyedRun | undefined {
    for (const [oldest, { runId, expiresAtMillis }] of this.#runs) {
      if (expiresAtMillis > nowMillis && this.#runs.size <= MAX_KEYS) break
      this.#runs.delete(oldest)
      this.#keys.delete(runId)
    }
    return this.#runs.get(join(pipelineId, key))
  }

  add(pipelineId: string, key: string, named: KeyedRun): void {
    const name = join(pipelineId, key)
    this.#runs.set(name, named)
    this.#keys.set(named.runId, name)
  }

  /** Frees the key of a run that was removed on request. */
  forget(runId: string): void {
    const name = this.#keys.get(runId)
    if (name === undefined) return
    this.#keys.delete(runId)
    this.#runs.delete(name)
  }
}

// Pipeline ids contain no line feed.
const join = (pipelineId: string, key: string): string => `${pipelineId}\n${key}`
