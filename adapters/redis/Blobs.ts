/** Large values, kept somewhere else than in Redis: there, a reference takes the value's place. */
import type { NewRun } from "../../core/NewRun.ts"
import type { Settlement } from "../../core/Store.ts"
import type { Json } from "../../core/Value.ts"

/** A place for large values, such as a bucket. What is put there stays for as long as its run is kept, at least. */
export interface Place {
  /** From which length on a value goes there, in UTF-16 units of its JSON text. Default: 65,536. */
  readonly threshold?: number
  /** Keeps a text. Gives what finds it again. */
  readonly put: (text: string) => Promise<string>
  /** The text that was kept. */
  readonly get: (reference: string) => Promise<string>
}

const THRESHOLD = 65_536

// No JSON begins with it.
const MARK = "@"

/** Values on their way to such a place and back; without one, they stay as they are. */
export class Blobs {
  readonly #place: Place | undefined
  readonly #threshold: number

  constructor(place: Place | undefined) {
    this.#place = place
    this.#threshold = place?.threshold ?? THRESHOLD
  }

  /** Whether there is such a place. Where there is none, nobody has to wait for anything. */
  get isUsed(): boolean {
    return this.#place !== undefined
  }

  /** A run as it is to be recorded. */
  async ofRun(run: NewRun): Promise<NewRun> {
    const parameters = await this.#out(run.parameters)
    const given = run.given && (await this.#out(run.given))
    const kept = run.kept && (await this.#out(run.kept))
    return { ...run, parameters, ...(given && { given }), ...(kept && { kept }) }
  }

  /** A settlement as it is to be recorded. What items give becomes part of a list, and stays. */
  async ofSettlement(settlement: Settlement): Promise<Settlement> {
    const { claim, outcome } = settlement
    if (outcome._tag !== "Completed" || claim.item !== undefined) return settlement
    return { claim, outcome: { ...outcome, outputs: await this.#out(outcome.outputs) } }
  }

  async #out(values: Readonly<Record<string, Json>>): Promise<Readonly<Record<string, Json>>> {
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
