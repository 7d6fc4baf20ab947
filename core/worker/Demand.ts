/** What a worker asks a Store for: work that there is room for, and room for work that runs alone. */
import type { Claim, ClaimRequest } from "../store/Work.ts"

/** How many leases a worker works as usual between two drains. */
const WORK_LEASES = 4

const NEVER = Number.NEGATIVE_INFINITY

/** What a demand needs of its worker. */
export interface DemandOptions {
  readonly worker: string
  readonly versions: ReadonlySet<string>
  /** How many steps run at once. */
  readonly concurrency: number
  readonly leaseMillis: number
  readonly isTraced: boolean
  /** For durations: it never goes back. */
  readonly nowMillis: () => number
  /** How many claims are at work. */
  readonly size: () => number
  /** Called when a claim has to wait. */
  readonly onWait: (wake: () => void) => void
  /** Called when the worker is to stop waiting for work. */
  readonly onDrain: () => void
}

/**
 * The demand of one worker. A unit that runs alone is lent only to an idle worker: told that one waits, the worker drains,
 * which means that it claims nothing until it is idle. That lasts for a lease at most; then it goes on as before.
 */
export class Demand {
  readonly request: { -readonly [K in keyof ClaimRequest]: ClaimRequest[K] }
  readonly #options: DemandOptions
  #drainEndsMillis = NEVER
  /** Whether the last claim runs alone. */
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

  /** Makes the request ask for as much work as there is room for. False when there is none. */
  update(): boolean {
    const { concurrency, size } = this.#options
    const busy = size()
    this.request.isIdle = busy === 0
    this.request.max = busy > 0 && this.#isAlone ? 0 : concurrency - busy
    return this.request.max > 0
  }

  /** How many milliseconds are left of the drain; 0 or less when the worker may claim. */
  get drainMillis(): number {
    // Asked with each outcome: most workers never drain, and need no clock for that.
    if (this.#drainEndsMillis === NEVER) return NEVER
    if (this.#options.size() === 0) this.#drainEndsMillis = NEVER
    return this.#drainEndsMillis - this.#options.nowMillis()
  }

  /** The worker was lent these. */
  granted(claims: ReadonlyArray<Claim>): void {
    if (claims.length > 0) this.#isAlone = claims[0]!.isAlone
  }

  /** Begins a drain, unless one is under way or ended lately in vain. */
  #drain(): void {
    const { leaseMillis, nowMillis, onDrain } = this.#options
    if (this.drainMillis > -WORK_LEASES * leaseMillis) return
    this.#drainEndsMillis = nowMillis() + leaseMillis
    onDrain()
  }
}
