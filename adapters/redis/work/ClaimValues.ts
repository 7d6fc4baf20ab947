/** The values of claims: those that the script did not pass are fetched, those that are elsewhere are brought back. */

import type { Json } from "../../../core/json/Value.ts"
import { MAX_TOGETHER } from "../../../core/json/Value.ts"
import type { Settlement } from "../../../core/store/Work.ts"
import * as Bytes from "../../../core/values/Bytes.ts"
import { type ErrorInfo, inputsTooLarge } from "../../../core/values/ErrorInfo.ts"
import type { Scripts } from "../connection/Scripts.ts"
import type { Blobs } from "../runs/Blobs.ts"
import { Fields } from "../runs/Fields.ts"
import type { RedisClaim } from "./WorkCode.ts"

/** How often a step whose values can't be had is tried again, and how long it waits before, in milliseconds. */
const MAX_TRIES = 5
const WAIT_MILLIS = 1_000

/** The values of a claim, or why they can't be had. */
type Whole =
  | { readonly values: ReadonlyMap<string, Json>; readonly bytes: number }
  | { readonly place: string; readonly why: string }

/** Completes claims. */
export class ClaimValues {
  readonly #fields: Fields
  readonly #blobs: Blobs
  readonly #maxBytes: number

  constructor(scripts: Scripts, blobs: Blobs, maxValueBytes: number) {
    this.#fields = new Fields(scripts)
    this.#blobs = blobs
    this.#maxBytes = MAX_TOGETHER * maxValueBytes
  }

  /** The claims that can be worked on, and how the others are settled: each on its own, so that none costs the others. */
  async complete(
    claims: ReadonlyArray<RedisClaim>
  ): Promise<{ readonly claims: ReadonlyArray<RedisClaim>; readonly lacking: ReadonlyArray<Settlement> }> {
    if (!this.#blobs.isUsed && claims.every(({ names }) => names === undefined)) return { claims, lacking: [] }
    const completed: Array<RedisClaim> = []
    const lacking: Array<Settlement> = []
    let before: RedisClaim | undefined
    let known: Whole | undefined
    for (const claim of claims) {
      // Items of one step, one after the other: their values are brought once.
      if (known === undefined || claim.values !== before?.values || claim.names !== before.names) {
        known = await this.#bring(claim)
      }
      before = claim
      const whole = this.#completed(claim, known)
      if ("outcome" in whole) lacking.push(whole)
      else completed.push(whole)
    }
    return { claims: completed, lacking }
  }

  /** All values of a claim, or which of them can't be had and why. */
  async #bring(claim: RedisClaim): Promise<Whole> {
    let place = ""
    try {
      const values = new Map(claim.values)
      if (claim.names !== undefined)
        for (const [name, kept] of await this.#fetch(claim, claim.names)) values.set(name, kept)
      let bytes = 0
      for (const [name, kept] of values) {
        place = name
        const value = await this.#blobs.back(kept)
        if (!claim.own.includes(name)) bytes += Bytes.ofText(value)
        values.set(name, value)
      }
      return { values, bytes }
    } catch (error) {
      return { place, why: error instanceof Error ? error.message : String(error) }
    }
  }

  #completed(claim: RedisClaim, whole: Whole): RedisClaim | Settlement {
    if ("values" in whole) {
      const { values, bytes } = whole
      return bytes <= this.#maxBytes
        ? { ...claim, values }
        : { claim, outcome: { _tag: "Failed", error: inputsTooLarge(claim.step, bytes, this.#maxBytes) } }
    }
    const failure: ErrorInfo = {
      name: "ValueUnavailable",
      message: `Step '${claim.step}' can't be given its value '${whole.place}': ${whole.why.slice(0, 500)}`,
      step: claim.step
    }
    return {
      claim,
      outcome:
        claim.failures < MAX_TRIES
          ? { _tag: "Retried", error: failure, waitMillis: WAIT_MILLIS * 2 ** claim.failures }
          : { _tag: "Failed", error: failure }
    }
  }

  async #fetch({ runId }: RedisClaim, names: ReadonlyArray<string>): Promise<ReadonlyMap<string, Json>> {
    const found = await this.#fields.read(names.map((name) => [runId, `v${name}`]))
    return new Map(names.flatMap((name, at) => (found[at] === undefined ? [] : [[name, found[at]]])))
  }
}
