/** Fields of runs, read in answers that are bounded in number and in bytes. */

import type { Scripts } from "../connection/Scripts.ts"
import { Turns } from "../connection/Turns.ts"
import { MOST } from "../lua/LuaReading.ts"

/** How many bytes an answer has at most, but for its last value. */
export const ANSWER_BYTES: number = 1 << 20

/** How many fields are asked for in one call: of each, its length is looked at too. */
const MAX_FIELDS = MOST / 2

/** How many answers are under way at once at most: together they have to arrive before the first one counts as late. */
const MAX_CALLS = 8

/** A field of a run. */
export type Field = readonly [runId: string, name: string]

/** What is kept of a field; nothing when the run is not there, or has no such field. */
export type Kept = string | undefined

/** Reads fields of the runs of one Store. */
export class Fields {
  readonly #scripts: Scripts
  readonly #turns: Turns = new Turns(MAX_CALLS)

  constructor(scripts: Scripts) {
    this.#scripts = scripts
  }

  /** Reads the first `least` of these fields (default: all), and those after them that came in the same answer. */
  async read(wanted: ReadonlyArray<Field>, least: number = wanted.length): Promise<ReadonlyArray<Kept>> {
    const found: Array<Kept> = []
    while (found.length < least) {
      const next = wanted.slice(found.length, found.length + MAX_FIELDS)
      const some = await this.#turns.take(() => this.#scripts.call("fields", [ANSWER_BYTES, ...next.flat()]))
      for (const text of some as ReadonlyArray<string | null>) found.push(text ?? undefined)
    }
    return found
  }
}
