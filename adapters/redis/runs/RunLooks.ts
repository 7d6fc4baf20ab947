/** Runs as the script `look` gives them: those that are asked for at about the same time come in one answer. */

import type { Scripts } from "../connection/Scripts.ts"
import { ANSWER_BYTES } from "./Fields.ts"

/** A run as it is kept: whether all of it is here, and its fields and their texts, one after the other; nothing when it is not there. */
export type Looked = readonly [isWhole: 0 | 1, fields: ReadonlyArray<string | null>] | null

/** How many runs are asked for in one call. */
export const MAX_RUNS = 50

/** How many calls are under way at once at most: together their answers have to arrive before the first one counts as late. */
const MAX_CALLS = 8

/** A run that is asked for, and who is told. */
interface Waiting {
  readonly id: string
  readonly resolve: (looked: Looked) => void
  readonly reject: (error: unknown) => void
}

/** Looks at the runs of one Store. */
export class RunLooks {
  readonly #scripts: Scripts
  #waiting: Array<Waiting> = []
  #isToSend = false
  #underWay = 0

  constructor(scripts: Scripts) {
    this.#scripts = scripts
  }

  /** A run as it is kept now. */
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
      // For which there was no room in the answer.
      if (looked.length < batch.length) this.#waiting.unshift(...batch.slice(looked.length))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}
