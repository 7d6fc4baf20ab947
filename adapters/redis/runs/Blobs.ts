/** Large values, kept somewhere else than in Redis: there, a reference takes the value's place. */

import type { Json } from "../../../core/json/Value.ts"
import type { NewRun } from "../../../core/run/NewRun.ts"
import type { Outcome, Settlement } from "../../../core/store/Work.ts"
import * as Bytes from "../../../core/values/Bytes.ts"
import { describe, type ErrorInfo } from "../../../core/values/ErrorInfo.ts"
import { StoreUnavailable } from "../../../core/values/Errors.ts"
import * as Text from "../../../core/values/Text.ts"

/** A place for large values, such as a bucket. */
export interface Place {
  /** From how many bytes of UTF-8 of its JSON text on a value goes there. Default: 65,536. */
  readonly threshold?: number
  /**
   * Keeps a text. Gives a reference that finds it again: 1 to 1,000 characters, none of them a line feed or
   * an unpaired surrogate. Another one is refused, and the value counts as not kept.
   */
  readonly put: (text: string) => Promise<string>
  /** The text that was kept. */
  readonly get: (reference: string) => Promise<string>
  /**
   * Removes a text whose run is forgotten. Called again after a minute when it fails; a text that is not there any more is no
   * failure.
   */
  readonly remove: (reference: string) => Promise<void>
}

const THRESHOLD = 65_536

/** How often a step whose outputs can't be kept is tried again, and how long it waits before, in milliseconds. */
const MAX_TRIES = 5
const WAIT_MILLIS = 1_000

/** The longest reference, in UTF-16 units. */
const MAX_REFERENCE = 1_000

// No JSON begins with it.
const MARK = "@"

type Values = Readonly<Record<string, Json>>

/** Values on their way to such a place and back; without one, they stay as they are. */
export class Blobs {
  readonly #place: Place | undefined
  readonly #threshold: number

  constructor(place: Place | undefined) {
    this.#place = place
    this.#threshold = place?.threshold ?? THRESHOLD
  }

  /** Whether there is such a place. Where there is none, nothing has to be waited for. */
  get isUsed(): boolean {
    return this.#place !== undefined
  }

  /**
   * A run as it is to be recorded. Values that an earlier run kept there are kept anew, as each run has its own. When one can't
   * be kept, the others are removed, and it fails with `StoreUnavailable`.
   */
  async ofRun(run: NewRun): Promise<NewRun> {
    let kept = run
    try {
      for (const part of ["parameters", "given", "kept"] as const) {
        const values = run[part]
        if (values !== undefined) kept = { ...kept, [part]: await this.#out(values) }
      }
      return kept
    } catch (error) {
      await this.discardRun(kept)
      throw new StoreUnavailable(`The values of a run of '${run.pipelineId}' can't be kept: ${describe(error).message}`)
    }
  }

  /**
   * A settlement as it is to be recorded. When its outputs can't be kept, the step is tried again, and fails in the end; other
   * settlements are not held up. The results of items become part of a list, and stay.
   */
  async ofSettlement(settlement: Settlement): Promise<Settlement> {
    const { claim, outcome } = settlement
    if (outcome._tag !== "Completed" || claim.item !== undefined) return settlement
    try {
      return { claim, outcome: { ...outcome, outputs: await this.#out(outcome.outputs) } }
    } catch (error) {
      const cause = describe(error)
      const message = `The outputs of step '${claim.step}' can't be kept: ${cause.message}`
      const failure: ErrorInfo = { name: "ValueUnavailable", message, step: claim.step, cause }
      const again: Outcome = { _tag: "Retried", error: failure, waitMillis: WAIT_MILLIS * 2 ** claim.failures }
      return { claim, outcome: claim.failures < MAX_TRIES ? again : { _tag: "Failed", error: failure } }
    }
  }

  /** Removes what was kept for a settlement that was refused. */
  async discardSettlement({ outcome }: Settlement): Promise<void> {
    if (outcome._tag === "Completed") await this.#discard(outcome.outputs)
  }

  /** Removes what was kept for a run that was not recorded. */
  async discardRun({ parameters, given, kept }: NewRun): Promise<void> {
    for (const values of [parameters, given, kept]) if (values !== undefined) await this.#discard(values)
  }

  async #discard(values: Values): Promise<void> {
    for (const name of Object.keys(values)) {
      const kept = values[name]!
      if (kept.startsWith(MARK)) await this.remove(kept.slice(MARK.length)).catch(() => undefined)
    }
  }

  /** Removes a text. */
  async remove(reference: string): Promise<void> {
    await this.#place?.remove(reference)
  }

  /** These values with references in the place of large ones: all of them, or none is kept. */
  async #out(values: Values): Promise<Values> {
    const large = Object.keys(values).filter((name) => Bytes.exceeds(values[name]!, this.#threshold - 1))
    if (large.length === 0) return values
    const put = await Promise.allSettled(large.map((name) => this.#put(values[name]!)))
    const references: Record<string, Json> = {}
    for (const [at, each] of put.entries())
      if (each.status === "fulfilled") references[large[at]!] = `${MARK}${each.value}`
    const refused = put.find((each) => each.status === "rejected")
    if (refused !== undefined) {
      await this.#discard(references)
      throw refused.reason
    }
    return { ...values, ...references }
  }

  async #put(text: Json): Promise<string> {
    const reference: unknown = await this.#place!.put(text)
    if (Text.isKey(reference, MAX_REFERENCE) && !reference.includes("\n")) return reference
    const shown = typeof reference === "string" ? `'${Text.clip(reference, 40)}'` : typeof reference
    throw new TypeError(
      `\`store.blobs.put\` gave ${shown} as a reference: expected ${Text.keyRule(MAX_REFERENCE)} or line feed`
    )
  }

  /** Gives the value that Redis keeps, or that a reference there leads to. Fails with `StoreUnavailable` when the place does not give it. */
  back(kept: Json): Json | Promise<Json> {
    return this.#place !== undefined && kept.startsWith(MARK) ? this.#get(kept.slice(MARK.length)) : kept
  }

  async #get(reference: string): Promise<Json> {
    let why: string
    try {
      const text: unknown = await this.#place!.get(reference)
      if (typeof text === "string") return text
      why = `\`store.blobs.get\` gave no text`
    } catch (error) {
      why = describe(error).message
    }
    throw new StoreUnavailable(`The value that is kept as '${Text.clip(reference, 100)}' can't be had: ${why}`)
  }
}
