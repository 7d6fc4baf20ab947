/** Time that moves when nothing is left to do: a TestClock that knows who waits for it. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { replacing } from "../../core/runtime/Delegate.ts"

/** How long real work may take before a test is told that it hangs, in milliseconds of real time. */
const PATIENCE_MILLIS = 5_000

/** In how many moves of time a run has to be over: schedules alone would go on for ever. */
const MAX_MOVES = 10_000

/** In how many turns of the event loop nothing has to happen before nothing happens any more. */
const QUIET_TURNS = 4

/** Something at work that no time will end. While it sleeps, it is not at work. */
export class Work {
  readonly what: string
  readonly #all: Set<Work>
  #sleeping = 0

  constructor(what: string, all: Set<Work>) {
    this.what = what
    this.#all = all
    all.add(this)
  }

  end(): void {
    this.#all.delete(this)
  }

  /** The clock that it sleeps by. */
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

/** The services of virtual time, and how it is moved. */
export class VirtualTime {
  readonly #testClock: TestClock.TestClock
  readonly #work: Set<Work> = new Set()
  /** When each of those who sleep is to wake. */
  readonly #sleeps: Map<symbol, number> = new Map()
  readonly #clock: Clock.Clock
  /** What a program has to be run with. */
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

  /** Counts something as work until it ends. */
  work(what: string): Work {
    return new Work(what, this.#work)
  }

  /** The clock that a piece of work sleeps by. */
  clockOf(work: Work): Clock.Clock {
    return work.clockOver(this.#clock)
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    const deadline = performance.now() + PATIENCE_MILLIS
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      await new Promise((resolve) => setTimeout(resolve, 0))
      if (this.#work.size === 0) continue
      quiet = -1
      if (performance.now() < deadline) continue
      const working = [...new Set([...this.#work].map(({ what }) => what))].join(", ")
      throw new Error(`Waited ${PATIENCE_MILLIS} ms of real time for ${working}: replace what needs the world outside`)
    }
  }

  /** Moves time on by `millis`, and stops wherever something was to happen. */
  async advance(millis: number): Promise<void> {
    const end = this.nowMillis + millis
    await this.settle()
    for (let next = this.#next; next <= end; next = this.#next) await this.#to(next)
    await this.#to(end)
  }

  /** Moves time on, from one thing that was to happen to the next, until `isOver`. False when no time will bring that. */
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

/** Virtual time for as long as a scope is open. It begins at 1970. */
export const make = (scope: Scope.Scope): Promise<VirtualTime> => {
  // A TestClock warns that nobody moves it; here somebody does.
  const layer = TestClock.layer({ warningDelay: "1 hour" })
  return Effect.runPromise(
    Effect.map(Layer.buildWithScope(layer, scope), (context) => {
      const services = context as unknown as Context.Context<never>
      return new VirtualTime(services, Context.get(services, Clock.Clock) as TestClock.TestClock)
    })
  )
}
