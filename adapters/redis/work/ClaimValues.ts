/** Completes the values of claims: fetches values that the script did not send, and loads values from the blob store. */

import type { Json } from "../../../core/json/Value.ts"
import { MAX_TOGETHER } from "../../../core/json/Value.ts"
import type { Settlement } from "../../../core/store/Work.ts"
import * as Bytes from "../../../core/values/Bytes.ts"
import { type ErrorInfo, inputsTooLarge } from "../../../core/values/ErrorInfo.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { RUN } from "../lua/Codes.ts"
import type { Blobs } from "../runs/Blobs.ts"
import { Fields } from "../runs/Fields.ts"
import type { RedisClaim } from "./WorkCode.ts"

/** How often a step whose values can't be loaded is retried, and its first wait in milliseconds, which doubles each time. */
const MAX_TRIES = 5
const WAIT_MILLIS = 1_000

/** The values of a claim; or the name of the value that could not be loaded, and the reason. */
type Loaded =
  | { readonly values: ReadonlyMap<string, Json>; readonly bytes: number }
  | { readonly name: string; readonly reason: string }

/** Completes the claims of one Store. */
export class ClaimValues {
  readonly #fields: Fields
  readonly #blobs: Blobs
  readonly #maxBytes: number

  constructor(scripts: Scripts, blobs: Blobs, maxValueBytes: number) {
    this.#fields = new Fields(scripts)
    this.#blobs = blobs
    this.#maxBytes = MAX_TOGETHER * maxValueBytes
  }

  /** The completed claims, and a settlement for each claim whose values can't be loaded or are too large. */
  async complete(
    claims: ReadonlyArray<RedisClaim>
  ): Promise<{ readonly claims: ReadonlyArray<RedisClaim>; readonly failed: ReadonlyArray<Settlement> }> {
    if (!this.#blobs.isUsed && claims.every(({ names }) => names === undefined)) return { claims, failed: [] }
    const completed: Array<RedisClaim> = []
    const failed: Array<Settlement> = []
    let before: RedisClaim | undefined
    let loaded: Loaded | undefined
    for (const claim of claims) {
      // Successive items of one step have the same values, which are loaded once.
      if (loaded === undefined || claim.values !== before?.values || claim.names !== before.names) {
        loaded = await this.#load(claim)
      }
      before = claim
      const result = this.#completed(claim, loaded)
      if ("outcome" in result) failed.push(result)
      else completed.push(result)
    }
    return { claims: completed, failed }
  }

  async #load(claim: RedisClaim): Promise<Loaded> {
    let loading = ""
    try {
      const values = new Map(claim.values)
      if (claim.names !== undefined)
        for (const [name, kept] of await this.#fetch(claim, claim.names)) values.set(name, kept)
      let bytes = 0
      for (const [name, kept] of values) {
        loading = name
        const value = await this.#blobs.load(kept)
        if (!claim.own.includes(name)) bytes += Bytes.ofText(value)
        values.set(name, value)
      }
      return { values, bytes }
    } catch (error) {
      return { name: loading, reason: error instanceof Error ? error.message : String(error) }
    }
  }

  #completed(claim: RedisClaim, loaded: Loaded): RedisClaim | Settlement {
    if ("values" in loaded) {
      const { values, bytes } = loaded
      return bytes <= this.#maxBytes
        ? { ...claim, values }
        : { claim, outcome: { _tag: "Failed", error: inputsTooLarge(claim.step, bytes, this.#maxBytes) } }
    }
    const failure: ErrorInfo = {
      name: "ValueUnavailable",
      message: `Can't load the input '${loaded.name}' of step '${claim.step}': ${loaded.reason.slice(0, 500)}`,
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
    const found = await this.#fields.read(names.map((name) => [runId, `${RUN.value}${name}`]))
    return new Map(names.flatMap((name, at) => (found[at] === undefined ? [] : [[name, found[at]]])))
  }
}
