/** The idempotency keys of a Store in memory. */

import type { Recorder } from "./Recorder.ts"

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

  readonly #recorder: Recorder | undefined

  constructor(recorder?: Recorder) {
    this.#recorder = recorder
  }

  /** Continues with a key of an earlier Store. */
  restore(name: string, named: KeyedRun): void {
    this.#runs.set(name, named)
    this.#keys.set(named.runId, name)
  }

  find(pipelineId: string, key: string, nowMillis: number): KeyedRun | undefined {
    for (const [oldest, { runId, expiresAtMillis }] of this.#runs) {
      if (expiresAtMillis > nowMillis && this.#runs.size <= MAX_KEYS) break
      this.#drop(oldest, runId)
    }
    const name = join(pipelineId, key)
    const named = this.#runs.get(name)
    // After a restart the keys may be in another order.
    if (named === undefined || named.expiresAtMillis > nowMillis) return named
    this.#drop(name, named.runId)
    return undefined
  }

  add(pipelineId: string, key: string, named: KeyedRun): void {
    const name = join(pipelineId, key)
    this.restore(name, named)
    this.#recorder?.put("idempotency", name, named)
  }

  /** Frees the key of a run that was removed on request. */
  forget(runId: string): void {
    const name = this.#keys.get(runId)
    if (name !== undefined) this.#drop(name, runId)
  }

  #drop(name: string, runId: string): void {
    this.#keys.delete(runId)
    this.#runs.delete(name)
    this.#recorder?.put("idempotency", name, undefined)
  }
}

// Pipeline ids contain no line feed.
const join = (pipelineId: string, key: string): string => `${pipelineId}\n${key}`
