/** What a Store on Redis does by itself: what is due, what acts have left to be done, what is to be forgotten. */
import type { StoreBounds } from "../../../core/store/StoreBounds.ts"
import { isOutage, type Scripts } from "../connection/Scripts.ts"
import type { Blobs } from "../runs/Blobs.ts"
import type { Mender } from "./Mender.ts"

/** How many due things, and how many leases that have ended, one act looks at. */
const MANY = 100

/** How often the values of forgotten runs are removed, and some runs are looked at for work that is lost, in milliseconds. */
const REMOVE_MILLIS = 5_000
const MEND_MILLIS = 5_000

/** How many runs are looked at each time, unless an act is known to have been torn. */
const MEND_RUNS = 20

/** For how many leases after such an act all runs are looked at. */
const TORN_LEASES = 4

/** Keeps a Store up. */
export class Upkeep {
  readonly #scripts: Scripts
  readonly #bounds: Required<StoreBounds>
  readonly #blobs: Blobs
  readonly #report: (message: string) => void
  readonly #mender: Mender
  #isBusy = false
  #removeAtMillis = 0
  #mendAtMillis = 0
  #mendFrom = "-inf"
  /** How many problems this round has found so far. */
  #problems = 0

  /** `report` is told of what can't be looked at. */
  constructor(
    scripts: Scripts,
    bounds: Required<StoreBounds>,
    blobs: Blobs,
    mender: Mender,
    report: (message: string) => void
  ) {
    this.#mender = mender
    this.#scripts = scripts
    this.#bounds = bounds
    this.#blobs = blobs
    this.#report = report
  }

  /** Does what is to be done now. Gives in how many milliseconds something is due; an empty text when nothing is. */
  async tick(): Promise<string> {
    const { historyCount, historyMillis, maxValueBytes } = this.#bounds
    // First, because others wait for it; over a slow link all else takes its time.
    const next = await this.#tickDue()
    await this.#tolerating("Work that was left can't be done", () =>
      this.#scripts.call("todo", [maxValueBytes, historyCount])
    )
    await this.#tolerating("Runs can't be forgotten", () => this.#scripts.call("retain", [historyCount, historyMillis]))
    if (!this.#isBusy) void this.#tidy()
    return next
  }

  async #tickDue(): Promise<string> {
    try {
      return await this.#tick(MANY)
    } catch (error) {
      if (isOutage(error)) throw error
      return this.#tickOneByOne()
    }
  }

  /** What takes many calls, and holds up no tick. Never rejects: what can't be done is done the next time. */
  async #tidy(): Promise<void> {
    this.#isBusy = true
    try {
      if (this.#blobs.isUsed) {
        await this.#tolerating("Values of forgotten runs can't be removed", () => this.#removeValues())
      }
      await this.#tolerating("Runs can't be looked at", () => this.#mend())
    } catch {
      // The server can't be reached, as the next tick says too.
    }
    this.#isBusy = false
  }

  #tick(most: number, ...only: ReadonlyArray<string>): Promise<string> {
    const { historyCount, maxLosses, maxValueBytes } = this.#bounds
    return this.#scripts.call("tick", [historyCount, maxLosses, maxValueBytes, most, ...only]) as Promise<string>
  }

  /** One of those that are due can't be looked at: it is left alone, and costs the others nothing. The mender finds it again. */
  async #tickOneByOne(): Promise<string> {
    const { client, prefix } = this.#scripts
    const now = await this.#scripts.nowMillis()
    for (const [key, what] of [
      ["due", "due"],
      ["leases", "lease"]
    ] as const) {
      for (const member of await client.zrangebyscore(`${prefix}${key}`, "-inf", now, "LIMIT", 0, MANY)) {
        try {
          await this.#tick(1, what, member)
        } catch (error) {
          if (isOutage(error)) throw error
          this.#report(`'${member}' can't be looked at, which is due: ${messageOf(error)}`)
          await this.#tick(1, "leave", key, member)
        }
      }
    }
    return "0"
  }

  /** Removes values that are kept elsewhere and whose runs are forgotten; each is tried again after a minute until it is gone. */
  async #removeValues(): Promise<void> {
    const now = performance.now()
    if (now < this.#removeAtMillis) return
    this.#removeAtMillis = now + REMOVE_MILLIS
    const references = (await this.#scripts.call("gone", [60_000])) as ReadonlyArray<string>
    for (const reference of references) {
      try {
        await this.#blobs.remove(reference)
        await this.#scripts.client.zrem(`${this.#scripts.prefix}gone`, reference)
      } catch (error) {
        if (isOutage(error)) throw error
        this.#report(`The value '${reference.slice(0, 200)}' of a forgotten run can't be removed: ${messageOf(error)}`)
      }
    }
    if (references.length === MANY) this.#removeAtMillis = 0
  }

  /** Brings back work that is lost, of some runs each time, round and round. */
  async #mend(): Promise<void> {
    const { client, prefix } = this.#scripts
    const now = performance.now()
    const torn = await client.get(`${prefix}torn`)
    if (torn === null && now < this.#mendAtMillis) return
    this.#mendAtMillis = now + MEND_MILLIS
    const { problems, next } = await this.#mender.look(this.#mendFrom, torn === null ? MEND_RUNS : MANY, true)
    for (const problem of problems) this.#report(`Mended: ${problem}`)
    this.#problems = this.#mendFrom === "-inf" ? problems.length : this.#problems + problems.length
    this.#mendFrom = next ?? "-inf"
    // After a round without any, by when all that changed before has been looked at.
    const isOver = next === undefined && this.#problems === 0
    if (torn === null || !isOver) return
    const age = (await this.#scripts.nowMillis()) - Number(torn)
    if (age > TORN_LEASES * this.#bounds.leaseMillis) await client.unlink(`${prefix}torn`)
  }

  async #tolerating(what: string, act: () => Promise<unknown>): Promise<void> {
    try {
      await act()
    } catch (error) {
      if (isOutage(error)) throw error
      this.#report(`${what}: ${messageOf(error)}`)
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
