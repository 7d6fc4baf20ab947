/** Reads runs with the script `look`. Runs that are requested at about the same time share one call. */

import { BatchedCalls } from "../connection/BatchedCalls.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { ANSWER_BYTES } from "./Fields.ts"

/**
 * The hash of a run: a small run with all of its fields, as names and texts alternating; otherwise (`isWhole` 0) only header,
 * place of submission and own properties, and behind them the events of a run that is read without its values, unless they are
 * too many. null when the run does not exist.
 */
export type Looked = readonly [isWhole: 0 | 1, fields: ReadonlyArray<string | null>] | null

/** How many runs one call reads. */
const MAX_RUNS = 50

/** How many calls run at the same time. All of their replies must arrive before the first call times out. */
const MAX_CALLS = 8

/** A requested run. */
interface Waiting {
  readonly id: string
  readonly resolve: (looked: Looked) => void
  readonly reject: (error: unknown) => void
}

/** Reads the runs of one Store. */
export class RunLooks {
  readonly #scripts: Scripts
  readonly #calls: BatchedCalls<Waiting> = new BatchedCalls(
    MAX_CALLS,
    () => MAX_RUNS,
    (batch) => this.#send(batch)
  )

  readonly #isBare: boolean

  /** With `isBare`, reads runs without their values. */
  constructor(scripts: Scripts, isBare: boolean) {
    this.#scripts = scripts
    this.#isBare = isBare
  }

  /** Reads the hash of a run. */
  at(id: string): Promise<Looked> {
    return new Promise((resolve, reject) => this.#calls.add({ id, resolve, reject }))
  }

  async #send(batch: ReadonlyArray<Waiting>): Promise<void> {
    try {
      const found = await this.#scripts.call("look", [
        ANSWER_BYTES,
        this.#isBare ? "1" : "",
        ...batch.map(({ id }) => id)
      ])
      const looked = found as ReadonlyArray<Looked>
      for (let at = 0; at < looked.length; at++) batch[at]!.resolve(looked[at]!)
      // The reply had no room for these.
      if (looked.length < batch.length) this.#calls.addFirst(batch.slice(looked.length))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}
