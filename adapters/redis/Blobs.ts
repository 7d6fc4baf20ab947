/** Large values, kept somewhere else than in Redis: there, a reference takes the value's place. */
import { describe, type ErrorInfo } from "../../core/ErrorInfo.ts"
import type { NewRun } from "../../core/NewRun.ts"
import type { Outcome, Settlement } from "../../core/Store.ts"
import type { Json } from "../../core/Value.ts"

/** A place for large values, such as a bucket. */
export interface Place {
  /** From which length on a value goes there, in UTF-16 units of its JSON text. Default: 65,536. */
  readonly threshold?: number
  /** Keeps a text. Gives a reference that finds it again: at most 1,000 characters, none of them a line feed. */
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

  /** A run as it is to be recorded. Values that an earlier run kept there are kept anew, as each run has its own. */
  async ofRun(run: NewRun): Promise<NewRun> {
    const parameters = await this.#out(run.parameters)
    const given = run.given && (await this.#out(run.given))
    const kept = run.kept && (await this.#out(run.kept))
    return { ...run, parameters, ...(given && { given }), ...(kept && { kept }) }
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

  async #out(values: Values): Promise<Values> {
    const large = Object.keys(values).filter((name) => values[name]!.length >= this.#threshold)
    if (large.length === 0) return values
    const references = await Promise.all(
      large.map(async (name) => [name, `${MARK}${await this.#place!.put(values[name]!)}`] as const)
    )
    return { ...values, ...Object.fromEntries(references) }
  }

  /** A value as it was, from what is kept of it. */
  back(kept: Json): Json | Promise<Json> {
    return this.#place !== undefined && kept.startsWith(MARK) ? this.#place.get(kept.slice(MARK.length)) : kept
  }
}
