/** The claims of a Store in memory that wait for work. */
import type { Claim, ClaimRequest } from "../../store/Work.ts"

/** A claim that waits. */
export interface ClaimWaiter {
  readonly request: ClaimRequest
  /** Whether it waits for the next commit only. */
  readonly isOnce?: boolean
  readonly resume: (claims: ReadonlyArray<Claim>) => void
}

/** Waiting claims, in the order in which they began to wait. */
export class ClaimWaiters {
  #waiters: Array<ClaimWaiter> = []

  get isEmpty(): boolean {
    return this.#waiters.length === 0
  }

  add(waiter: ClaimWaiter): void {
    this.#waiters.push(waiter)
  }

  has(waiter: ClaimWaiter): boolean {
    return this.#waiters.includes(waiter)
  }

  /** Removes a waiter. Returns whether it was still waiting. */
  remove(waiter: ClaimWaiter): boolean {
    const index = this.#waiters.indexOf(waiter)
    if (index !== -1) this.#waiters.splice(index, 1)
    return index !== -1
  }

  /** Ends the waits for the next commit. */
  endOnce(): void {
    if (this.#waiters.some(({ isOnce }) => isOnce)) this.#waiters = this.#waiters.filter(({ isOnce }) => !isOnce)
  }

  /** Ends all waits, without work. */
  endAll(): void {
    for (const { resume } of this.#waiters.splice(0)) resume([])
  }

  /** The request of a worker whose claim waits. */
  requestOf(worker: string): ClaimRequest | undefined {
    return this.#waiters.find(({ request }) => request.worker === worker)?.request
  }

  /** Grants work to the claims in turn, or only to those of idle workers, as long as there is some. */
  serve(isOut: () => boolean, grant: (request: ClaimRequest) => ReadonlyArray<Claim>, onlyIdle: boolean): void {
    const waiters = onlyIdle ? this.#waiters.filter(({ request }) => request.isIdle === true) : this.#waiters.slice()
    for (const waiter of waiters) {
      if (isOut()) return
      // Granting to one claim may have run code that served or interrupted another.
      if (!this.has(waiter)) continue
      const claims = grant(waiter.request)
      if (claims.length === 0) continue
      // Granting and resuming are one synchronous step: no interruption in between can lose the claims.
      this.remove(waiter)
      waiter.resume(claims)
    }
  }
}
