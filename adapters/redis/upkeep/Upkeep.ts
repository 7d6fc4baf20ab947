/** The upkeep of a Store on Redis: starts due work, finishes what scripts postponed, forgets old runs, mends. */
import type * as Clock from "effect/Clock"
import * as Monotonic from "../../../core/runtime/Monotonic.ts"
import type { StoreBounds } from "../../../core/store/StoreBounds.ts"
import { isOutage, type Scripts } from "../connection/Scripts.ts"
import { KEY } from "../lua/Codes.ts"
import type { Blobs } from "../runs/Blobs.ts"
import type { Mender } from "./Mender.ts"

/** How many due entries, and how many expired leases, one script call handles. */
const MANY = 100

/** How often values of forgotten runs are removed, and how often some runs are checked for lost work, in milliseconds. */
const REMOVE_MILLIS = 5_000
const MEND_MILLIS = 5_000

/** How many runs one check covers; `MANY` after Redis has refused a write of a script (`KEY.torn`). */
const MEND_RUNS = 20

/** For how many lease times after such a refusal the checks go through all runs. */
const TORN_LEASES = 4

/** Does the upkeep of one Store. */
export class Upkeep {
  readonly #scripts: Scripts
  readonly #bounds: Required<StoreBounds>
  readonly #blobs: Blobs
  readonly #report: (message: string) => void
  readonly #mender: Mender
  readonly #clock: Clock.Clock
  #isBusy = false
  #removeAtMillis = Number.NEGATIVE_INFINITY
  #mendAtMillis = Number.NEGATIVE_INFINITY
  #mendFrom = "-inf"
  /** How many problems this round through the runs has found so far. */
  #problems = 0

  /** `report` logs errors and repairs. */
  constructor(
    scripts: Scripts,
    bounds: Required<StoreBounds>,
    blobs: Blobs,
    mender: Mender,
    clock: Clock.Clock,
    report: (message: string) => void
  ) {
    this.#mender = mender
    this.#clock = clock
    this.#scripts = scripts
    this.#bounds = bounds
    this.#blobs = blobs
    this.#report = report
  }

  /** Runs all upkeep. Returns in how many milliseconds the next work is due, or an empty text. */
  async tick(): Promise<string> {
    const { historyCount, historyMillis, maxValueBytes } = this.#bounds
    // Due work first: runs wait for it, and over a slow link the rest takes long.
    const next = await this.#tickDue()
    await this.#tolerating("Can't finish the work that a script postponed", () =>
      this.#scripts.call("todo", [maxValueBytes, historyCount])
    )
    await this.#tolerating("Can't remove old runs", () => this.#scripts.call("retain", [historyCount, historyMillis]))
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

  /** The upkeep that takes many calls; no tick waits for it. Never rejects: the next time tries again. */
  async #tidy(): Promise<void> {
    this.#isBusy = true
    try {
      if (this.#blobs.isUsed) {
        await this.#tolerating("Can't remove the values of forgotten runs", () => this.#removeValues())
      }
      await this.#tolerating("Can't check runs for lost work", () => this.#mend())
    } catch {
      // The server can't be reached; the next tick fails too.
    }
    this.#isBusy = false
  }

  #tick(most: number, ...only: ReadonlyArray<string>): Promise<string> {
    const { historyCount, maxLosses, maxValueBytes } = this.#bounds
    return this.#scripts.call("tick", [historyCount, maxLosses, maxValueBytes, most, ...only]) as Promise<string>
  }

  /** Handles due entries one by one, because one of them makes the script fail. That one is skipped; the mender finds it later. */
  async #tickOneByOne(): Promise<string> {
    const { client, prefix } = this.#scripts
    const now = await this.#scripts.nowMillis()
    for (const [key, what] of [
      [KEY.due, "due"],
      [KEY.leases, "lease"]
    ] as const) {
      for (const member of await client.zrangebyscore(`${prefix}${key}`, "-inf", now, "LIMIT", 0, MANY)) {
        try {
          await this.#tick(1, what, member)
        } catch (error) {
          if (isOutage(error)) throw error
          this.#report(`Can't handle the due entry '${member}': ${messageOf(error)}`)
          await this.#tick(1, "leave", key, member)
        }
      }
    }
    return "0"
  }

  /** Removes the values of forgotten runs from the blob store. A removal that fails is tried again after a minute. */
  async #removeValues(): Promise<void> {
    const now = Monotonic.millis(this.#clock)
    if (now < this.#removeAtMillis) return
    this.#removeAtMillis = now + REMOVE_MILLIS
    const references = (await this.#scripts.call("gone", [60_000])) as ReadonlyArray<string>
    for (const reference of references) {
      try {
        await this.#blobs.remove(reference)
        await this.#scripts.client.zrem(`${this.#scripts.prefix}${KEY.gone}`, reference)
      } catch (error) {
        if (isOutage(error)) throw error
        this.#report(`Can't remove the value '${reference.slice(0, 200)}' of a forgotten run: ${messageOf(error)}`)
      }
    }
    if (references.length === MANY) this.#removeAtMillis = Number.NEGATIVE_INFINITY
  }

  /** Checks the next page of unfinished runs for lost work, and brings it back. */
  async #mend(): Promise<void> {
    const { client, prefix } = this.#scripts
    const now = Monotonic.millis(this.#clock)
    const torn = await client.get(`${prefix}${KEY.torn}`)
    if (torn === null && now < this.#mendAtMillis) return
    this.#mendAtMillis = now + MEND_MILLIS
    const { problems, next } = await this.#mender.check(this.#mendFrom, torn === null ? MEND_RUNS : MANY, true)
    for (const problem of problems) this.#report(`Mended: ${problem}`)
    this.#problems = this.#mendFrom === "-inf" ? problems.length : this.#problems + problems.length
    this.#mendFrom = next ?? "-inf"
    // Ends with a round that finds no problem and begins late enough to see all runs that changed around the refusal.
    const isOver = next === undefined && this.#problems === 0
    if (torn === null || !isOver) return
    const age = (await this.#scripts.nowMillis()) - Number(torn)
    if (age > TORN_LEASES * this.#bounds.leaseMillis) await client.unlink(`${prefix}${KEY.torn}`)
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
