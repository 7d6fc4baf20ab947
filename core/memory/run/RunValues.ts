/** The values of a run in memory. */

import { type Json, MAX_TOGETHER } from "../../json/Value.ts"
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

  /** How many bytes one value may have, and the inputs of one step together. */
  readonly #maxBytes: number
  readonly maxTogether: number
  /** Bytes of single values, as far as they were asked for. */
  #sizes: Map<string, number> | undefined = undefined

  constructor({ parameters, kept, given }: Submission, maxBytes: number) {
    this.#maxBytes = maxBytes
    this.maxTogether = MAX_TOGETHER * maxBytes
    for (const values of [parameters, kept, given]) {
      for (const name of Object.keys(values)) this.#keep(name, values[name]!)
    }
    this.#given = Object.keys(given).length > 0 ? given : undefined
  }

  get(name: string): Json | undefined {
    return this.#values.get(name)
  }

  /** Bytes of a value; 0 for an absent one. */
  bytesOfValue(name: string): number {
    this.#sizes ??= new Map()
    let bytes = this.#sizes.get(name)
    if (bytes === undefined) {
      bytes = Bytes.ofText(this.#values.get(name) ?? "")
      this.#sizes.set(name, bytes)
    }
    return bytes
  }

  /** Whether the present values among these names have at most as many bytes together as one value may have. */
  fitTogether(names: ReadonlyArray<string>): boolean {
    return this.bytes <= this.#maxBytes || this.bytesOf(names) <= this.#maxBytes
  }

  /** The present values among these names. */
  pick(names: ReadonlyArray<string>): Outputs {
    const picked: Record<string, Json> = {}
    for (const name of names) {
      const value = this.#values.get(name)
      if (value !== undefined) picked[name] = value
    }
    return picked
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
    this.#sizes?.delete(name)
  }
}
