/** Leases of a Store in memory, in the order in which they expire. */

import type { Json } from "../../json/Value.ts"
import type { Submission } from "../../run/Run.ts"
import { type Entry, LinkedList } from "../../runtime/LinkedList.ts"
import type { Claim } from "../../store/Work.ts"
import type { Limit } from "../../values/Limit.ts"
import type { UnitRun, WorkUnit } from "./WorkUnit.ts"

/** The run of a leased unit, as its lease sees it. */
export interface LeaseRun extends UnitRun {
  readonly submission: Submission
  itemsOf(unit: { readonly index: number }): { valueOf(item: number): Json } | undefined
  /** The values that a claim of the unit reads. */
  valuesOf(unit: WorkUnit): Claim["values"]
}

/** A claim, as the Store that granted it keeps it. */
export class Lease<Run extends LeaseRun = LeaseRun> implements Claim {
  /** The object that granted it: no other accepts it. */
  readonly issuer: object
  readonly unit: WorkUnit<Run>
  readonly phase: Claim["phase"]
  readonly attempt: number
  readonly failures: number
  readonly item: { readonly index: number; readonly value: Json } | undefined
  readonly values: Claim["values"]
  /** The limits held until it ends. */
  readonly limits: ReadonlyArray<Limit>
  readonly worker: string
  /** By the Store's monotonic clock. */
  readonly beganMillis: number
  readonly isAlone: boolean
  readonly #serial: number
  isLive = true
  /** Whether it was revoked and its worker has not stopped yet: it still holds its limits. */
  isStopping = false
  /** When it expires unless renewed, by the monotonic clock minus `Leases.blockedMillis`. */
  endsMillis = 0
  /** Its entries in the lists of all leases and of its run's leases; undefined once removed. */
  storeEntry: Entry<Lease<Run>> | undefined = undefined
  runEntry: Entry<Lease<Run>> | undefined = undefined

  constructor(
    issuer: object,
    unit: WorkUnit<Run>,
    limits: ReadonlyArray<Limit>,
    serial: number,
    worker: string,
    isAlone: boolean,
    beganMillis: number
  ) {
    this.issuer = issuer
    this.unit = unit
    this.phase = unit.phase
    this.attempt = this.phase === "probe" ? 0 : ++unit.attempts
    this.failures = unit.failures
    if (unit.attempts === 1) unit.firstBeganMillis = beganMillis
    const items = unit.item === -1 ? undefined : unit.run.itemsOf(unit)!
    this.item = items && { index: unit.item, value: items.valueOf(unit.item) }
    this.values = unit.run.valuesOf(unit)
    this.limits = limits
    this.worker = worker
    this.isAlone = isAlone
    this.beganMillis = beganMillis
    this.#serial = serial
  }

  get run(): Run {
    return this.unit.run
  }
  get index(): number {
    return this.unit.index
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
  get traceparent(): string | undefined {
    return this.run.submission.traceparent
  }
  get step(): string {
    return this.run.step(this.unit.index).name
  }
  get elapsedMillis(): number {
    return Math.round(this.beganMillis - this.unit.firstBeganMillis)
  }
  get token(): string {
    return String(this.#serial)
  }
}

/** The leases of one run. */
export class RunLeases<Run extends LeaseRun> {
  readonly #list = new LinkedList<Lease<Run>>()

  get isEmpty(): boolean {
    return this.#list.size === 0
  }

  add(lease: Lease<Run>): void {
    lease.runEntry = this.#list.add(lease)
  }

  /** Ends a lease. */
  end(lease: Lease<Run>): void {
    lease.isLive = false
    this.#list.remove(lease.runEntry!)
    lease.runEntry = undefined
  }

  /** Ends the leases of a step, or all leases when `index` is undefined. */
  revoke(index: number | undefined, onRevoke: (lease: Lease<Run>) => void): void {
    for (let entry = this.#list.first; entry !== undefined; ) {
      const { value: lease, after } = entry
      if (index === undefined || lease.index === index) {
        this.end(lease)
        onRevoke(lease)
      }
      entry = after
    }
  }
}

/** All leases. All last equally long, so the lease granted or renewed first expires first. */
export class Leases<Run extends LeaseRun> {
  readonly leaseMillis: number
  /** How long the thread was blocked while leases existed, in milliseconds. No worker could renew a lease then. */
  blockedMillis = 0
  readonly #list = new LinkedList<Lease<Run>>()

  constructor(leaseMillis: number) {
    this.leaseMillis = leaseMillis
  }

  get first(): Lease<Run> | undefined {
    return this.#list.first?.value
  }

  get size(): number {
    return this.#list.size
  }

  /** Milliseconds until the first lease expires; infinite without leases. */
  restMillis(passedMillis: number): number {
    const { first } = this
    return first === undefined ? Number.POSITIVE_INFINITY : first.endsMillis + this.blockedMillis - passedMillis
  }

  /** The live leases, the one that expires first first. */
  *live(): Generator<Lease<Run>> {
    for (let entry = this.#list.first; entry !== undefined; entry = entry.after) {
      if (entry.value.isLive) yield entry.value
    }
  }

  add(lease: Lease<Run>, passedMillis: number): void {
    lease.endsMillis = passedMillis - this.blockedMillis + this.leaseMillis
    lease.storeEntry = this.#list.add(lease)
  }

  remove(lease: Lease<Run>): void {
    this.#list.remove(lease.storeEntry!)
    lease.storeEntry = undefined
  }
}
