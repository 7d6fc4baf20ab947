/** A small file beside a Store's file: what was told. It is never synced, so it costs a commit next to nothing. */
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs"
import type { Told } from "../../core/memory/journal/Journal.ts"

const NOTHING: Told = { commit: 0, change: 0 }

export class ToldFile {
  readonly #file: number | undefined
  /** The epoch of the journal, the number of the commit, and that of the change. */
  readonly #numbers = new Float64Array(3)
  #last = NOTHING

  /** `path` undefined: keeps nothing. `epoch`: the file may be left from another journal. */
  constructor(path: string | undefined, epoch: number) {
    if (path === undefined) return
    this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT)
    readSync(this.#file, this.#numbers)
    const [of, commit, change] = this.#numbers as unknown as readonly [number, number, number]
    if (of === epoch) this.#last = { commit, change }
    this.#numbers[0] = epoch
  }

  get last(): Told {
    return this.#last
  }

  write(told: Told): void {
    this.#last = told
    if (this.#file === undefined) return
    this.#numbers[1] = told.commit
    this.#numbers[2] = told.change
    try {
      writeSync(this.#file, this.#numbers, 0, this.#numbers.byteLength, 0)
    } catch {
      // The steps leased since then will not count as lost if the process ends now.
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
  }
}
