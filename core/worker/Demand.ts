/** What a worker asks a Store for: as much work as it has room for, and lone units when it is idle. */
import type { Claim, ClaimRequest } from "../store/Work.ts"

/** For how many lease times a worker works as usual between two drains. */
const WORK_LEASES = 4

const NEVER = Number.NEGATIVE_INFINITY

/** The worker of a demand, as the demand sees it. */
export interface DemandOptions {
  readonly worker: string
  readonly versions: ReadonlySet<string>
  /** How many attempts may run at once. */
  readonly concurrency: number
  readonly leaseMillis: number
  readonly isTraced: boolean
  /** A monotonic clock. */
  readonly nowMillis: () => number
  /** How many claims the worker has. */
  readonly size: () => number
  /** Called when a claim request has to wait. */
  readonly onWait: (wake: () => void) => void
  /** Called when a drain begins: the worker must stop waiting for work. */
  readonly onDrain: () => void
}

/**
 * The demand of one worker. A lone unit is granted only to an idle worker. When one waits, the worker drains: it claims
 * nothing until it is idle, for the time of one lease at most. Then it goes on as before.
 */
export class Demand {
  readonly request: { -readonly [K in keyof ClaimRequest]: ClaimRequest[K] }
  readonly #options: DemandOptions
  #drainEndsMillis = NEVER
  /** Whether the last claim must run alone. */
  #isAlone = false

  constructor(options: DemandOptions) {
    this.#options = options
    const { worker, concurrency, versions, isTraced } = options
    this.request = {
      worker,
      max: concurrency,
      versions,
      isIdle: true,
      isTraced,
      onWait: (wake) => (this.drainMillis > 0 ? wake() : options.onWait(wake)),
      onAloneWaiting: () => this.#drain()
    }
  }

  /** Updates the request to the free room. Returns false when there is none. */
  update(): boolean {
    const { concurrency, size } = this.#options
    const busy = size()
    this.request.isIdle = busy === 0
    this.request.max = busy > 0 && this.#isAlone ? 0 : concurrency - busy
    return this.request.max > 0
  }

  /** Milliseconds until the drain ends; 0 or less when the worker may claim. */
  get drainMillis(): number {
    // Called with each outcome. Most workers never drain, and need not read the clock.
    if (this.#drainEndsMillis === NEVER) return NEVER
    if (this.#options.size() === 0) this.#drainEndsMillis = NEVER
    return this.#drainEndsMillis - this.#options.nowMillis()
  }

  /** The Store granted these claims. */
  granted(claims: ReadonlyArray<Claim>): void {
    if (claims.length > 0) this.#isAlone = claims[0]!.isAlone
  }

  /** Begins a drain, unless one is running or ended in vain recently. */
  #drain(): void {
    const { leaseMillis, nowMillis, onDrain } = this.#options
    if (this.drainMillis > -WORK_LEASES * leaseMillis) return
    this.#drainEndsMillis = nowMillis() + leaseMillis
    onDrain()
  }
}
