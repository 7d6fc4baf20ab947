/** The attempts that a worker has under way: how many there are, and how each of them is told to stop. */
import type { TimerHeap } from "../runtime/TimerHeap.ts"
import type { Claim } from "../store/Work.ts"
import { StepTimedOut } from "../values/Errors.ts"
import type { Attempt } from "./Attempt.ts"

/** How long a task that was told to stop may take to do so, in milliseconds. */
export const STOP_MILLIS = 1_000

/** What becomes of attempts by themselves. */
export interface AttemptListener {
  /** It was told to stop and did not; nobody waits for it any more. */
  readonly stopIgnored: (attempt: Attempt) => void
}

/** Attempts whose task has not ended. */
export class RunningAttempts {
  readonly #timers: TimerHeap
  readonly #listener: AttemptListener
  /** In no order. */
  readonly #all: Array<Attempt> = []

  constructor(timers: TimerHeap, listener: AttemptListener) {
    this.#timers = timers
    this.#listener = listener
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
  withTokens(tokens: ReadonlySet<string>): ReadonlyArray<Attempt> {
    return this.#all.filter(({ claim }) => tokens.has(claim.token))
  }

  // A swap with the last keeps adding and removing free of searching, hashing and allocation.
  add(attempt: Attempt): void {
    attempt.runningIndex = this.#all.length
    this.#all.push(attempt)
    const { timeoutMillis, thread } = attempt.stepCodec.task
    // The time that a task waits for a thread does not count, so its threads measure it.
    if (timeoutMillis === undefined || thread !== undefined) return
    attempt.timer = this.#timers.after(timeoutMillis, () => {
      attempt.stopOutcome = attempt.outcomeOfError(new StepTimedOut(timeoutMillis))
      this.revoke(attempt)
    })
  }

  remove(attempt: Attempt): void {
    if (attempt.timer !== undefined) this.#timers.remove(attempt.timer)
    const last = this.#all.pop()!
    if (last !== attempt) {
      this.#all[attempt.runningIndex] = last
      last.runningIndex = attempt.runningIndex
    }
    attempt.runningIndex = -1
  }

  /** Tells an attempt to stop. One that does not is given up, so that its place is free for others. */
  revoke(attempt: Attempt): void {
    if (attempt.isRevoked) return
    if (attempt.timer !== undefined) this.#timers.remove(attempt.timer)
    attempt.revoke()
    if (attempt.runningIndex === -1) return
    attempt.timer = this.#timers.after(STOP_MILLIS, () => {
      this.#listener.stopIgnored(attempt)
      this.remove(attempt)
    })
  }
}
