/** Reads fields of runs, in replies that are bounded in number and in bytes. */

import type { Scripts } from "../connection/Scripts.ts"
import { Turns } from "../connection/Turns.ts"
import { BOUND } from "../lua/Codes.ts"

/** How many bytes a reply has at most, not counting its last value. */
export const ANSWER_BYTES: number = 1 << 20

/** How many fields or sizes one call reads. Half of the bound, because the scripts read the length and the text of each. */
const MAX_FIELDS = BOUND.reads / 2

/** How many calls run at the same time. All of their replies must arrive before the first call times out. */
const MAX_CALLS = 8

/** A field of a run. */
export type Field = readonly [runId: string, name: string]

/** The text of a field; undefined when the run does not exist or has no such field. */
export type Kept = string | undefined

/** Reads fields of the runs of one Store. */
export class Fields {
  readonly #scripts: Scripts
  readonly #turns: Turns = new Turns(MAX_CALLS)

  constructor(scripts: Scripts) {
    this.#scripts = scripts
  }

  /** Reads at least the first `least` of these fields (default: all), and more if they came in the same reply. */
  async read(wanted: ReadonlyArray<Field>, least: number = wanted.length): Promise<ReadonlyArray<Kept>> {
    const found: Array<Kept> = []
    while (found.length < least) {
      const next = wanted.slice(found.length, found.length + MAX_FIELDS)
      const some = await this.#turns.take(() => this.#scripts.call("fields", [ANSWER_BYTES, ...next.flat()]))
      for (const text of some as ReadonlyArray<string | null>) found.push(text ?? undefined)
    }
    return found
  }

  /** The bytes of values, by run and name of the value; undefined for values that do not exist. */
  async sizes(wanted: ReadonlyArray<Field>): Promise<ReadonlyArray<number | undefined>> {
    const found: Array<number | undefined> = []
    for (let from = 0; from < wanted.length; from += MAX_FIELDS) {
      const some = wanted.slice(from, from + MAX_FIELDS)
      const sizes = await this.#turns.take(() => this.#scripts.call("sizes", some.flat()))
      for (const size of sizes as ReadonlyArray<number | null>) found.push(size ?? undefined)
    }
    return found
  }
}
