/** The idempotency keys of a Store in memory, for as long as they name their run. */

/** What a key names. */
export interface KeyedRun {
  readonly runId: string
  readonly fingerprint: string
  readonly expiresAtMillis: number
}

/** How many keys are kept; the oldest leave first. */
const MAX_KEYS = 100_000

/** Keys in the order in which they came, which is that in which they expire. */
export class IdempotencyKeys {
  readonly #runs: Map<string, KeyedRun> = new Map()
  /** The other way round: what names each run. */
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

  /** The run is gone because somebody wanted that; its key is free. */
  forget(runId: string): void {
    const name = this.#keys.get(runId)
    if (name === undefined) return
    this.#keys.delete(runId)
    this.#runs.delete(name)
  }
}

// No name has a line feed.
const join = (pipelineId: string, key: string): string => `${pipelineId}\n${key}`
