/** Leases of a Store in memory, in the order in which they end. */
import type { MemoryRun } from "./MemoryRun.ts"
import type { Claim } from "./Store.ts"

/** A claim as the Store that granted it keeps it. */
export class Lease implements Claim {
  readonly run: MemoryRun
  readonly index: number
  readonly attempt: number
  readonly token: string
  readonly worker: string
  readonly startedAtMillis: number
  endsAtMillis = 0
  before: Lease | undefined = undefined
  after: Lease | undefined = undefined

  constructor(run: MemoryRun, index: number, attempt: number, token: string, worker: string, startedAtMillis: number) {
    this.run = run
    this.index = index
    this.attempt = attempt
    this.token = token
    this.worker = worker
    this.startedAtMillis = startedAtMillis
  }

  get runId(): string {
    return this.run.submission.id
  }
  get pipelineId(): string {
    return this.run.submission.pipelineId
  }
  get version(): string {
    return this.run.submission.version
  }
  get step(): string {
    return this.run.plan.steps[this.index]!.name
  }
  get values(): ReadonlyMap<string, string> {
    return this.run.values
  }
}

/**
 * A list linked through the leases themselves, so that granting, renewing and ending one each cost the same however
 * many there are. All last equally long, so the one granted or renewed first ends first.
 */
export class Leases {
  readonly leaseMillis: number
  first: Lease | undefined = undefined
  #last: Lease | undefined = undefined

  constructor(leaseMillis: number) {
    this.leaseMillis = leaseMillis
  }

  add(lease: Lease, nowMillis: number): void {
    lease.endsAtMillis = nowMillis + this.leaseMillis
    lease.before = this.#last
    lease.after = undefined
    if (this.#last === undefined) this.first = lease
    else this.#last.after = lease
    this.#last = lease
  }

  remove(lease: Lease): void {
    if (lease.before === undefined) this.first = lease.after
    else lease.before.after = lease.after
    if (lease.after === undefined) this.#last = lease.before
    else lease.after.before = lease.before
  }
}
