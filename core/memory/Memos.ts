/** Memoised outputs in a Store in memory, bounded. (A limit per key keeps two attempts from computing the same.) */

import type { Json } from "../json/Value.ts"
import type { MemoryBounds } from "../store/StoreBounds.ts"
import type { MemoKey } from "../store/Work.ts"
import * as Bytes from "../values/Bytes.ts"
import type { Recorder } from "./Recorder.ts"

type Outputs = Readonly<Record<string, Json>>

interface Memo {
  readonly outputs: Outputs
  readonly expiresAtMillis: number
  readonly bytes: number
}

/** A memo as a journal keeps it. `expiresAtMillis`: null for never. */
export interface KeptMemo extends Omit<Memo, "expiresAtMillis"> {
  readonly expiresAtMillis: number | null
}

type Bounds = Required<Pick<MemoryBounds, "memoCount" | "memoBytes">>

/** Memoised outputs by key. */
export class Memos {
  readonly #bounds: Bounds
  /** Least recently used first. */
  readonly #kept: Map<string, Memo> = new Map()
  #bytes = 0

  readonly #recorder: Recorder | undefined

  constructor(bounds: Bounds, recorder?: Recorder) {
    this.#bounds = bounds
    this.#recorder = recorder
  }

  /** Continues with outputs of an earlier Store. */
  restore(text: string, { outputs, expiresAtMillis, bytes }: KeptMemo): void {
    this.#put(text, { outputs, expiresAtMillis: expiresAtMillis ?? Number.POSITIVE_INFINITY, bytes })
  }

  /** The outputs for a key, unless they have expired. */
  find({ text }: MemoKey, nowMillis: number): Outputs | undefined {
    const found = this.#kept.get(text)
    if (found === undefined) return undefined
    this.#drop(text, found)
    if (found.expiresAtMillis <= nowMillis) {
      this.#recorder?.put("memo", text, undefined)
      return undefined
    }
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
    const memo: Memo = { outputs, expiresAtMillis, bytes }
    this.#put(text, memo)
    this.#recorder?.put("memo", text, memo)
    for (const [oldest, kept] of this.#kept) {
      if (this.#kept.size <= this.#bounds.memoCount && this.#bytes <= this.#bounds.memoBytes) break
      this.#drop(oldest, kept)
      this.#recorder?.put("memo", oldest, undefined)
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
