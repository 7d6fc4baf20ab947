/** The values of a run in memory. */

import type { Json } from "../../json/Value.ts"
import type { Submission } from "../../run/Run.ts"
import * as Bytes from "../../values/Bytes.ts"

type Outputs = Readonly<Record<string, Json>>

/** Values by name: parameters, given and kept values, and outputs of steps. */
export class RunValues {
  readonly #values: Map<string, Json> = new Map()
  /** The given values; undefined when there are none. */
  readonly #given: Outputs | undefined
  /** Bytes of all names and values. */
  bytes = 0

  /** How many bytes the inputs of one step may have together. */
  readonly maxTogether: number

  constructor({ parameters, kept, given }: Submission, maxTogether: number) {
    this.maxTogether = maxTogether
    for (const values of [parameters, kept, given]) {
      for (const name of Object.keys(values)) this.#keep(name, values[name]!)
    }
    this.#given = Object.keys(given).length > 0 ? given : undefined
  }

  get(name: string): Json | undefined {
    return this.#values.get(name)
  }

  /** Bytes of the present values among these names. */
  bytesOf(names: ReadonlyArray<string>): number {
    let bytes = 0
    for (const name of names) bytes += Bytes.ofText(this.#values.get(name) ?? "")
    return bytes
  }

  /** Keeps the outputs of a step, except those that replace given values. Returns the kept outputs. */
  keepAll(outputs: Outputs): Outputs {
    const given = this.#given
    const kept =
      given === undefined
        ? outputs
        : Object.fromEntries(Object.entries(outputs).filter(([name]) => !Object.hasOwn(given, name)))
    for (const name of Object.keys(kept)) this.#keep(name, kept[name]!)
    return kept
  }

  #keep(name: string, value: Json): void {
    const before = this.#values.get(name)
    this.bytes += Bytes.ofText(value) - (before === undefined ? -Bytes.ofText(name) : Bytes.ofText(before))
    this.#values.set(name, value)
  }
}
