/** What steps gave for which inputs, in a Store in memory: bounded, and one attempt at a time for one key. */
import { Fifo } from "./Fifo.ts"
import type { MemoKey } from "./Store.ts"
import type { Unit } from "./Unit.ts"
import type { Json } from "./Value.ts"

type Outputs = Readonly<Record<string, Json>>

interface Kept {
  readonly outputs: Outputs
  readonly expiresAtMillis: number
  readonly length: number
}

/** The bounds. */
export interface Bounds {
  /** How many memoised results are kept; those that were not asked for the longest leave first. Default: 10,000. */
  readonly memoCount: number
  /** How much their keys and values may take together, in UTF-16 units. Default: 64 Mi. */
  readonly memoLength: number
}

/** Memoised results by key, and for each key that is being worked on, who waits for what it will give. */
export class Memos {
  readonly #bounds: Bounds
  /** In the order in which they were asked for last. */
  readonly #kept: Map<string, Kept> = new Map()
  readonly #flights: Map<string, Fifo<Unit>> = new Map()
  #length = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  /** What is kept for a key. */
  find({ text }: MemoKey, nowMillis: number): Outputs | undefined {
    const found = this.#kept.get(text)
    if (found === undefined) return undefined
    this.#drop(text, found)
    if (found.expiresAtMillis <= nowMillis) return undefined
    this.#put(text, found)
    return found.outputs
  }

  /** Whether the unit is to work it out; otherwise somebody does already, and it waits for that. */
  board({ text }: MemoKey, unit: Unit): boolean {
    const waiting = this.#flights.get(text)
    if (waiting === undefined) {
      this.#flights.set(text, new Fifo())
      return true
    }
    waiting.add(unit)
    return false
  }

  /** Keeps what was worked out. Gives those who waited for it. */
  land({ text, ttlMillis }: MemoKey, outputs: Outputs, nowMillis: number): ReadonlyArray<Unit> {
    let length = text.length
    for (const name of Object.keys(outputs)) length += name.length + outputs[name]!.length
    if (length <= this.#bounds.memoLength) {
      const before = this.#kept.get(text)
      if (before !== undefined) this.#drop(text, before)
      const expiresAtMillis = ttlMillis === 0 ? Number.POSITIVE_INFINITY : nowMillis + ttlMillis
      this.#put(text, { outputs, expiresAtMillis, length })
      for (const [oldest, kept] of this.#kept) {
        if (this.#kept.size <= this.#bounds.memoCount && this.#length <= this.#bounds.memoLength) break
        this.#drop(oldest, kept)
      }
    }
    const landed: Array<Unit> = []
    for (let next = this.#next(text); next !== undefined; next = this.#next(text)) landed.push(next)
    this.#flights.delete(text)
    return landed
  }

  /** It was not worked out. Gives the one who is to try next. */
  abort({ text }: MemoKey): Unit | undefined {
    const next = this.#next(text)
    if (next === undefined) this.#flights.delete(text)
    return next
  }

  #next(text: string): Unit | undefined {
    const waiting = this.#flights.get(text)
    for (let next = waiting?.take(); next !== undefined; next = waiting?.take()) if (!next.isOver) return next
    return undefined
  }

  #put(text: string, kept: Kept): void {
    this.#kept.set(text, kept)
    this.#length += kept.length
  }

  #drop(text: string, kept: Kept): void {
    this.#kept.delete(text)
    this.#length -= kept.length
  }
}

/** The units of one run that others wait for because of their memo key. */
export class Flights {
  #units: Set<Unit> | undefined = undefined

  add(unit: Unit): void {
    this.#units ??= new Set()
    this.#units.add(unit)
  }

  land(unit: Unit): void {
    this.#units?.delete(unit)
  }

  /** The units of a step, or all of them, will give nothing. */
  abandon(index: number | undefined, to: { readonly abandon: (unit: Unit) => void }): void {
    if (this.#units === undefined) return
    for (const unit of this.#units) {
      if (index !== undefined && unit.index !== index) continue
      this.#units.delete(unit)
      to.abandon(unit)
    }
  }
}
