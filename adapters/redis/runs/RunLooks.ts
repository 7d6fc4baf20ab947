/** Reads runs with the script `look`. Runs that are requested at about the same time share one call. */

import type { Scripts } from "../connection/Scripts.ts"
import { ANSWER_BYTES } from "./Fields.ts"

/**
 * The hash of a run: a small run with all of its fields, as names and texts alternating; a large one (`isWhole` 0) only with
 * header, place of submission and own properties. null when the run does not exist.
 */
export type Looked = readonly [isWhole: 0 | 1, fields: ReadonlyArray<string | null>] | null

/** How many runs one call reads. */
export const MAX_RUNS = 50

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
  #waiting: Array<Waiting> = []
  #isToSend = false
  #underWay = 0

  constructor(scripts: Scripts) {
    this.#scripts = scripts
  }

  /** Reads the hash of a run. */
  at(id: string): Promise<Looked> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id, resolve, reject })
      if (this.#isToSend) return
      this.#isToSend = true
      queueMicrotask(() => {
        this.#isToSend = false
        this.#sendAll()
      })
    })
  }

  #sendAll(): void {
    while (this.#waiting.length > 0 && this.#underWay < MAX_CALLS) {
      this.#underWay++
      void this.#send(this.#waiting.splice(0, MAX_RUNS)).then(() => {
        this.#underWay--
        this.#sendAll()
      })
    }
  }

  async #send(batch: ReadonlyArray<Waiting>): Promise<void> {
    try {
      const found = await this.#scripts.call("look", [ANSWER_BYTES, ...batch.map(({ id }) => id)])
      const looked = found as ReadonlyArray<Looked>
      for (let at = 0; at < looked.length; at++) batch[at]!.resolve(looked[at]!)
      // The reply had no room for these.
      if (looked.length < batch.length) this.#waiting.unshift(...batch.slice(looked.length))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}
