/** The attempts that a worker has under way: how many there are, and how each of them is told to stop. */
import type { TimerHeap } from "../runtime/TimerHeap.ts"
import type { Claim } from "../store/Work.ts"
import { StepTimedOut } from "../values/Errors.ts"
import type { Attempt } from "./Attempt.ts"

/** How long a task that was told to stop may take to do so, in milliseconds. */
export const STOP_MILLIS = 1_000

/** What becomes of attempts by themselves. */
export interface Told {
  /** It was told to stop and did not; nobody waits for it any more. */
  readonly ignored: (attempt: Attempt) => void
}

/** Attempts whose task has not ended. */
export class RunningAttempts {
  readonly #alarms: TimerHeap
  readonly #told: Told
  /** In no order. */
  readonly #all: Array<Attempt> = []

  constructor(alarms: TimerHeap, told: Told) {
    this.#alarms = alarms
    this.#told = told
  }

  get size(): number {
    return this.#all.length
  }

  get claims(): ReadonlyArray<Claim> {
    return this.#all.map(({ claim }) => claim)
  }

  /** Those that are there now, also when some of them leave meanwhile. */
  values(): ReadonlyArray<Attempt> {
    return this.#all.slice()
  }

  /** Those of claims with these tokens. */
  of(tokens: ReadonlySet<string>): ReadonlyArray<Attempt> {
    return this.#all.filter(({ claim }) => tokens.has(claim.token))
  }

  // A swap with the last keeps adding and removing free of searching, hashing and allocation.
  add(attempt: Attempt): void {
    attempt.place = this.#all.length
    this.#all.push(attempt)
    const { timeoutMillis, thread } = attempt.runner.task
    // The time that a task waits for a thread does not count, so its threads measure it.
    if (timeoutMillis === undefined || thread !== undefined) return
    attempt.alarm = this.#alarms.after(timeoutMillis, () => {
      attempt.instead = attempt.thrown(new StepTimedOut(timeoutMillis))
      this.revoke(attempt)
    })
  }

  remove(attempt: Attempt): void {
    if (attempt.alarm !== undefined) this.#alarms.remove(attempt.alarm)
    const last = this.#all.pop()!
    if (last !== attempt) {
      this.#all[attempt.place] = last
      last.place = attempt.place
    }
    attempt.place = -1
  }

  /** Tells an attempt to stop. One that does not is given up, so that its place is free for others. */
  revoke(attempt: Attempt): void {
    if (attempt.revoked) return
    if (attempt.alarm !== undefined) this.#alarms.remove(attempt.alarm)
    attempt.revoke()
    if (attempt.place === -1) return
    attempt.alarm = this.#alarms.after(STOP_MILLIS, () => {
      this.#told.ignored(attempt)
      this.remove(attempt)
    })
  }
}
