/** Virtual time: a TestClock that records all sleeps, so that time can jump to the next one. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { replacing } from "../../core/runtime/Delegate.ts"

/** How long work may take before a test fails because it hangs, in milliseconds of real time. */
const PATIENCE_MILLIS = 5_000

/** The most jumps of time in `advanceUntil`: with schedules it could go on for ever. */
const MAX_MOVES = 10_000

/** After how many turns of the event loop without work everything counts as settled. */
const QUIET_TURNS = 4

/** Real work, such as a task, that time must wait for, except while it sleeps by its clock. */
export class Work {
  readonly name: string
  readonly #all: Set<Work>
  #sleeping = 0

  constructor(what: string, all: Set<Work>) {
    this.name = what
    this.#all = all
    all.add(this)
  }

  end(): void {
    this.#all.delete(this)
  }

  /** A clock whose sleeps suspend this work. */
  clockOver(clock: Clock.Clock): Clock.Clock {
    return replacing(clock, {
      sleep: (duration) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            this.#sleeping++
            this.#all.delete(this)
          }),
          () => clock.sleep(duration),
          () => Effect.sync(() => void (--this.#sleeping === 0 && this.#all.add(this)))
        )
    })
  }
}

/** Virtual time, and the services of a program that runs on it. */
export class VirtualTime {
  readonly #testClock: TestClock.TestClock
  readonly #work: Set<Work> = new Set()
  /** The wake-up times of all sleeps, in milliseconds. */
  readonly #sleeps: Map<symbol, number> = new Map()
  readonly #clock: Clock.Clock
  /** The context to run a program with. */
  readonly context: Context.Context<never>

  constructor(context: Context.Context<never>, testClock: TestClock.TestClock) {
    this.#testClock = testClock
    this.#clock = replacing<Clock.Clock>(testClock, {
      sleep: (duration) => {
        const key = Symbol("sleep")
        return Effect.acquireUseRelease(
          Effect.sync(() => this.#sleeps.set(key, this.nowMillis + Duration.toMillis(duration))),
          () => testClock.sleep(duration),
          () => Effect.sync(() => this.#sleeps.delete(key))
        )
      }
    })
    this.context = Context.add(context, Clock.Clock, this.#clock) as Context.Context<never>
  }

  get nowMillis(): number {
    return this.#testClock.currentTimeMillisUnsafe()
  }

  /** Begins a piece of work; call its `end`. */
  work(what: string): Work {
    return new Work(what, this.#work)
  }

  /** The clock for a piece of work. */
  clockOf(work: Work): Clock.Clock {
    return work.clockOver(this.#clock)
  }

  /** Runs everything that is due now. Rejects if work takes longer than 5 s of real time. */
  async settle(): Promise<void> {
    const deadline = performance.now() + PATIENCE_MILLIS
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      await new Promise((resolve) => setTimeout(resolve, 0))
      if (this.#work.size === 0) continue
      quiet = -1
      if (performance.now() < deadline) continue
      const working = [...new Set([...this.#work].map(({ name }) => name))].join(", ")
      throw new Error(
        `Waited ${PATIENCE_MILLIS} ms of real time for ${working}: replace tasks that wait for the outside world`
      )
    }
  }

  /** Advances time by `millis`, in jumps from one wake-up to the next. */
  async advance(millis: number): Promise<void> {
    const end = this.nowMillis + millis
    await this.settle()
    for (let next = this.#next; next <= end; next = this.#next) await this.#to(next)
    await this.#to(end)
  }

  /** Advances time from one wake-up to the next until `isOver`. False if no sleep is left, or after 10,000 jumps. */
  async advanceUntil(isOver: () => Promise<boolean>): Promise<boolean> {
    await this.settle()
    for (let moves = 0; moves <= MAX_MOVES; moves++) {
      if (await isOver()) return true
      const next = this.#next
      if (next === Number.POSITIVE_INFINITY) return false
      await this.#to(next)
    }
    return false
  }

  get #next(): number {
    let next = Number.POSITIVE_INFINITY
    for (const at of this.#sleeps.values()) if (at < next) next = at
    return next
  }

  async #to(millis: number): Promise<void> {
    await Effect.runPromiseWith(this.context)(this.#testClock.setTime(millis))
    await this.settle()
  }
}

/** Makes virtual time that begins at 1970-01-01 and lasts until the scope closes. */
export const make = (scope: Scope.Scope): Promise<VirtualTime> => {
  // A TestClock warns if it is not advanced for a while; here the warning would be wrong.
  const layer = TestClock.layer({ warningDelay: "1 hour" })
  return Effect.runPromise(
    Effect.map(Layer.buildWithScope(layer, scope), (context) => {
      const services = context as unknown as Context.Context<never>
      return new VirtualTime(services, Context.get(services, Clock.Clock) as TestClock.TestClock)
    })
  )
}
