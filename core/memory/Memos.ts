/** Memoised outputs in a Store in memory, bounded. (A limit per key keeps two attempts from computing the same.) */

import type { Json } from "../json/Value.ts"
import type { MemoryBounds } from "../store/StoreBounds.ts"
import type { MemoKey } from "../store/Work.ts"
import * as Bytes from "../values/Bytes.ts"

type Outputs = Readonly<Record<string, Json>>

interface Memo {
  readonly outputs: Outputs
  readonly expiresAtMillis: number
  readonly bytes: number
}

type Bounds = Required<Pick<MemoryBounds, "memoCount" | "memoBytes">>

/** Memoised outputs by key. */
export class Memos {
  readonly #bounds: Bounds
  /** Least recently used first. */
  readonly #kept: Map<string, Memo> = new Map()
  #bytes = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  /** The outputs for a key, unless they have expired. */
  find({ text }: MemoKey, nowMillis: number): Outputs | undefined {
    const found = this.#kept.get(text)
    if (found === undefined) return undefined
    this.#drop(text, found)
    if (found.expiresAtMillis <= nowMillis) return undefined
    this.#put(text, found)
    return found.outputs
  }

  /** Keeps outputs, and drops the least recently used beyond the bounds. */
  keep({ text, ttlMillis }: MemoKey, outputs: Outputs, nowMillis: number): void {
    let bytes = Bytes.ofText(text)
    for (const name of Object.keys(outputs)) bytes += Bytes.ofText(name) + Bytes.ofText(outputs[name]!)
    if (bytes > this.#bounds.memoBytes) return
    const before = this.#kept.get(text)
    if (before !== undefined) this.#drop(text, before)
    const expiresAtMillis = ttlMillis === 0 ? Number.POSITIVE_INFINITY : nowMillis + ttlMillis
    this.#put(text, { outputs, expiresAtMillis, bytes })
    for (const [oldest, kept] of this.#kept) {
      if (this.#kept.size <= this.#bounds.memoCount && this.#bytes <= this.#bounds.memoBytes) break
      this.#drop(oldest, kept)
    }
  }

  #put(text: string, kept: Memo): void {
    this.#kept.set(text, kept)
    this.#bytes += kept.bytes
  }

  #drop(text: string, kept: Memo): void {
    this.#kept.delete(text)
    this.#bytes -= kept.bytes
  }
}
