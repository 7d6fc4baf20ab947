/** Large values, kept in a blob store. Redis keeps a reference in place of such a value. */

import type { Json } from "../../../core/json/Value.ts"
import type { NewRun } from "../../../core/run/NewRun.ts"
import type { Outcome, Settlement } from "../../../core/store/Work.ts"
import * as Bytes from "../../../core/values/Bytes.ts"
import { describe, type ErrorInfo } from "../../../core/values/ErrorInfo.ts"
import { StoreUnavailable } from "../../../core/values/Errors.ts"
import * as Text from "../../../core/values/Text.ts"
import { MARK } from "../lua/Codes.ts"

/** A blob store for large values, such as a bucket. */
export interface BlobStore {
  /** Values whose JSON has at least this many bytes in UTF-8 go there. Default: 65,536. */
  readonly threshold?: number
  /**
   * Stores a text. Returns its reference: 1 to 1,000 characters, without line feeds and unpaired surrogates. Any other
   * reference counts as a failure.
   */
  readonly put: (text: string) => Promise<string>
  /** Returns the text of a reference. */
  readonly get: (reference: string) => Promise<string>
  /**
   * Removes the text of a forgotten run. Called again after a minute if it fails. Must succeed for a text that does not
   * exist.
   */
  readonly remove: (reference: string) => Promise<void>
}

const THRESHOLD = 65_536

/** How often a step whose outputs can't be stored is retried, and its first wait in milliseconds, which doubles each time. */
const MAX_TRIES = 5
const WAIT_MILLIS = 1_000

/** The longest reference, in UTF-16 units. */
const MAX_REFERENCE = 1_000

type Values = Readonly<Record<string, Json>>

/** Moves large values to the blob store and back. Without a blob store, values stay in Redis. */
export class Blobs {
  readonly #blobStore: BlobStore | undefined
  readonly #threshold: number

  constructor(blobStore: BlobStore | undefined) {
    this.#blobStore = blobStore
    this.#threshold = blobStore?.threshold ?? THRESHOLD
  }

  /** Whether there is a blob store. */
  get isUsed(): boolean {
    return this.#blobStore !== undefined
  }

  /**
   * Stores the large values of a run, and returns the run with references. Each run has its own texts: values that it keeps
   * from an earlier run are stored again. If one can't be stored, the others are removed and it fails with `StoreUnavailable`.
   */
  async storeRun(run: NewRun): Promise<NewRun> {
    let kept = run
    try {
      for (const part of ["parameters", "given", "kept"] as const) {
        const values = run[part]
        if (values !== undefined) kept = { ...kept, [part]: await this.#store(values) }
      }
      return kept
    } catch (error) {
      await this.discardRun(kept)
      const reason = describe(error).message
      throw new StoreUnavailable(`Can't store the values of a run of '${run.pipelineId}' in the blob store: ${reason}`)
    }
  }

  /**
   * Stores the large outputs of a settlement, and returns it with references. If an output can't be stored, the settlement
   * becomes a retry, or a failure after the last retry; other settlements are not affected. Results of items stay in Redis.
   */
  async storeSettlement(settlement: Settlement): Promise<Settlement> {
    const { claim, outcome } = settlement
    if (outcome._tag !== "Completed" || claim.item !== undefined) return settlement
    try {
      return { claim, outcome: { ...outcome, outputs: await this.#store(outcome.outputs) } }
    } catch (error) {
      const cause = describe(error)
      const message = `Can't store the outputs of step '${claim.step}' in the blob store: ${cause.message}`
      const failure: ErrorInfo = { name: "ValueUnavailable", message, step: claim.step, cause }
      const again: Outcome = { _tag: "Retried", error: failure, waitMillis: WAIT_MILLIS * 2 ** claim.failures }
      return { claim, outcome: claim.failures < MAX_TRIES ? again : { _tag: "Failed", error: failure } }
    }
  }

  /** Removes the stored outputs of a refused settlement. */
  async discardSettlement({ outcome }: Settlement): Promise<void> {
    if (outcome._tag === "Completed") await this.#discard(outcome.outputs)
  }

  /** Removes the stored values of a run that was not recorded. */
  async discardRun({ parameters, given, kept }: NewRun): Promise<void> {
    for (const values of [parameters, given, kept]) if (values !== undefined) await this.#discard(values)
  }

  async #discard(values: Values): Promise<void> {
    for (const name of Object.keys(values)) {
      const reference = referenceIn(values[name]!)
      if (reference !== undefined) await this.remove(reference).catch(() => undefined)
    }
  }

  /** Removes a text. */
  async remove(reference: string): Promise<void> {
    await this.#blobStore?.remove(reference)
  }

  /** Stores the large values, all or none, and returns the values with references. */
  async #store(values: Values): Promise<Values> {
    const large = Object.keys(values).filter((name) => Bytes.exceeds(values[name]!, this.#threshold - 1))
    if (large.length === 0) return values
    const put = await Promise.allSettled(large.map((name) => this.#put(values[name]!)))
    const references: Record<string, Json> = {}
    for (const [at, each] of put.entries())
      if (each.status === "fulfilled") references[large[at]!] = keptFor(each.value, values[large[at]!]!)
    const refused = put.find((each) => each.status === "rejected")
    if (refused !== undefined) {
      await this.#discard(references)
      throw refused.reason
    }
    return { ...values, ...references }
  }

  async #put(text: Json): Promise<string> {
    const reference: unknown = await this.#blobStore!.put(text)
    if (Text.isKey(reference, MAX_REFERENCE) && !reference.includes("\n")) return reference
    const shown = typeof reference === "string" ? `'${Text.clip(reference, 40)}'` : typeof reference
    throw new TypeError(
      `\`store.blobs.put\` returned ${shown} as the reference: expected ${Text.keyRule(MAX_REFERENCE)} or line feed`
    )
  }

  /** Returns a value from Redis, or the text of its reference. Fails with `StoreUnavailable` when the blob store does. */
  load(kept: Json): Json | Promise<Json> {
    const reference = this.#blobStore === undefined ? undefined : referenceIn(kept)
    return reference === undefined ? kept : this.#get(reference)
  }

  async #get(reference: string): Promise<Json> {
    let reason: string
    try {
      const text: unknown = await this.#blobStore!.get(reference)
      if (typeof text === "string") return text
      reason = "`store.blobs.get` returned no text"
    } catch (error) {
      reason = describe(error).message
    }
    throw new StoreUnavailable(`Can't get the value '${Text.clip(reference, 100)}' from the blob store: ${reason}`)
  }
}

/** What Redis keeps of a text in the blob store: its reference and its length. */
const keptFor = (reference: string, text: Json): Json => `${MARK.reference}${reference}\n${Bytes.ofText(text)}`

/** The reference in a kept value; undefined for a value that is not in the blob store. */
export const referenceIn = (kept: Json): string | undefined =>
  kept.startsWith(MARK.reference) ? kept.slice(MARK.reference.length).split("\n", 1)[0]! : undefined

/** The bytes of a value's text, wherever it is. */
export const bytesOfKept = (kept: Json): number =>
  kept.startsWith(MARK.reference) ? Number(kept.slice(kept.indexOf("\n") + 1)) : Bytes.ofText(kept)
