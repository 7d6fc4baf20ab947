/** The idempotency keys of a Store in memory, for as long as they name their run. */

/** What a key names. */
export interface Named {
  readonly runId: string
  readonly fingerprint: string
  readonly expiresAtMillis: number
}

/** How many keys are kept; the oldest leave first. */
const MAX_KEYS = 100_000

/** Keys in the order in which they came, which is that in which they expire. */
export class IdempotencyKeys {
  readonly #named: Map<string, Named> = new Map()
  /** The other way round: what names each run. */
  readonly #names: Map<string, string> = new Map()

  find(pipelineId: string, key: string, nowMillis: number): Named | undefined {
    for (const [oldest, { runId, expiresAtMillis }] of this.#named) {
      if (expiresAtMillis > nowMillis && this.#named.size <= MAX_KEYS) break
      this.#named.delete(oldest)
      this.#names.delete(runId)
    }
    return this.#named.get(join(pipelineId, key))
  }

  add(pipelineId: string, key: string, named: Named): void {
    const name = join(pipelineId, key)
    this.#named.set(name, named)
    this.#names.set(named.runId, name)
  }

  /** The run is gone because somebody wanted that; its key is free. */
  forget(runId: string): void {
    const name = this.#names.get(runId)
    if (name === undefined) return
    this.#names.delete(runId)
    this.#named.delete(name)
  }
}

// No name has a line feed.
const join = (pipelineId: string, key: string): string => `${pipelineId}\n${key}`
