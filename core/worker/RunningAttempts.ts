/** The running attempts of a worker: counts them, times them out, and tells them to stop. */
import type { TimerHeap } from "../runtime/TimerHeap.ts"
import type { Claim } from "../store/Work.ts"
import { StepTimedOut } from "../values/Errors.ts"
import type { Attempt } from "./Attempt.ts"

/** How long a task may take to stop after it was told to, in milliseconds. */
export const STOP_MILLIS = 1_000

/** Receives events of attempts. */
export interface AttemptListener {
  /** The attempt did not stop in time; it is given up. */
  readonly stopIgnored: (attempt: Attempt) => void
}

/** The attempts whose task has not ended. */
export class RunningAttempts {
  readonly #timers: TimerHeap
  readonly #listener: AttemptListener
  /** Unordered. */
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

  /** A copy: attempts may be removed while iterating. */
  values(): ReadonlyArray<Attempt> {
    return this.#all.slice()
  }

  /** The attempts of the claims with these tokens. */
  withTokens(tokens: ReadonlySet<string>): ReadonlyArray<Attempt> {
    return this.#all.filter(({ claim }) => tokens.has(claim.token))
  }

  // Removing swaps with the last attempt: no searching, hashing or allocation.
  add(attempt: Attempt): void {
    attempt.runningIndex = this.#all.length
    this.#all.push(attempt)
    const { timeoutMillis, thread } = attempt.stepCodec.task
    // For a task on a thread, the thread pool measures the timeout: waiting for a thread does not count.
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

  /** Tells an attempt to stop. If it does not, it is given up, which makes room for another attempt. */
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
