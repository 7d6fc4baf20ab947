/** One run of a Store in memory: its log, its values, its leases, and what outcomes do to them. */
import type { Alarm } from "./Alarms.ts"
import { Countdown, type Skipping, type Told } from "./Countdown.ts"
import { type ErrorInfo, resultsTooLarge, stepCancelled, workerLost } from "./ErrorInfo.ts"
import type { Event, HowCompleted } from "./Event.ts"
import { type Lease, RunLeases } from "./Lease.ts"
import * as Limit from "./Limit.ts"
import type { Plan, PlanStep } from "./Plan.ts"
import type { ReadyQueue } from "./ReadySteps.ts"
import type * as Run from "./Run.ts"
import { Links } from "./RunIndex.ts"
import { RunLog } from "./RunLog.ts"
import type { Holder } from "./Slots.ts"
import type { MemoKey, Note, Outcome } from "./Store.ts"
import { Expansion, Unit } from "./Unit.ts"
import type { Json } from "./Value.ts"

type Outputs = Readonly<Record<string, Json>>

/** What a run tells the Store that it lives in. */
export interface Owner {
  readonly maxValueBytes: number
  /** How many workers one unit of work may lose before it fails. */
  readonly maxLosses: number
  readonly ready: (unit: Unit) => void
  /** It is ready, and goes before what begins other runs. */
  readonly readyFirst: (unit: Unit) => void
  /** The unit is to be ready again after a while. */
  readonly delay: (unit: Unit, waitMillis: number) => void
  /** What a unit with this memo key gave. */
  readonly recall: (memo: MemoKey) => Outputs | undefined
  /** Keeps what a unit gave, for others with the same memo key. */
  readonly memoise: (memo: MemoKey, outputs: Outputs) => void
  readonly revoke: (lease: Lease) => void
  /** Whole milliseconds since a lease or an expansion began. */
  readonly since: (beganMillis: number) => number
  readonly ended: (run: MemoryRun) => void
}

/** How many events about single items a step may have; the others are not told. */
const MAX_ITEM_EVENTS = 1_000

/** A run and everything that is kept of it. Every method is one synchronous act, so nobody sees half of one. */
export class MemoryRun implements Holder, Told {
  readonly log: RunLog
  /** What it holds while it is under way. */
  readonly limits: ReadonlyArray<Limit.Limit>
  /** Where the Store queues its ready steps. */
  readonly queue: ReadyQueue
  readonly values: Map<string, Json> = new Map()
  status: Run.RunStatus = "PENDING"
  endedAtMillis = 0
  /** Whether it holds its limits. */
  isAdmitted = false
  waitSerial = 0
  /** What is to happen to it at an instant. */
  alarms: Set<Alarm> | undefined = undefined
  /** Called after the run has ended. */
  onEnd: Array<() => void> = []
  readonly links: Links = new Links()
  /** Its place in the order of submission. */
  readonly serial: number

  readonly #owner: Owner
  readonly #countdown: Countdown
  #expansions: Map<number, Expansion> | undefined = undefined
  readonly #leases = new RunLeases()
  /** The first failure. */
  #error: ErrorInfo | undefined = undefined
  #valuesLength = 0
  #isOpen = false
  readonly #hasGiven: boolean
  /** The instant of the act under way. */
  #now = 0

  constructor(
    owner: Owner,
    serial: number,
    submission: Run.Submission,
    plan: Plan,
    limits: ReadonlyArray<Limit.Limit>,
    queue: ReadyQueue
  ) {
    this.#owner = owner
    this.serial = serial
    this.log = new RunLog(submission, plan)
    this.#countdown = new Countdown(plan, this)
    this.limits = limits
    this.queue = queue
    for (const name of Object.keys(submission.parameters)) this.#keep(name, submission.parameters[name]!)
    for (const name of Object.keys(submission.kept)) this.#keep(name, submission.kept[name]!)
    for (const name of Object.keys(submission.given)) this.#keep(name, submission.given[name]!)
    this.#hasGiven = Object.keys(submission.given).length > 0
  }

  get submission(): Run.Submission {
    return this.log.submission
  }
  get isOver(): boolean {
    return this.status !== "PENDING" && this.status !== "RUNNING"
  }
  get priority(): number {
    return this.submission.priority
  }
  get waitClass(): string {
    return ""
  }
  /** UTF-16 units of all that is kept of it. */
  get length(): number {
    return this.#valuesLength + this.log.length
  }

  step(index: number): PlanStep {
    return this.log.plan.steps[index]!
  }

  isStepOver(index: number): boolean {
    return this.isOver || this.#countdown.isOver(index)
  }

  expansionOf(unit: Unit): Expansion | undefined {
    return this.#expansions?.get(unit.index)
  }

  /** Makes the steps ready that wait for nothing. */
  open(atMillis: number): void {
    this.#now = atMillis
    this.#isOpen = true
    if (this.#countdown.remaining > 0) this.#countdown.begin()
    else this.#finish()
  }

  // -- what the countdown tells --------------------------------------------------------------------------------------

  stepReady(index: number): void {
    // Before that, a cancelled step may let others go on; the countdown tells of them again when it begins.
    if (!this.#isOpen) return
    const unit = new Unit(this, index, -1)
    // A run that has begun is brought to its end before others begin.
    if (this.status === "RUNNING") this.#owner.readyFirst(unit)
    else this.#owner.ready(unit)
  }

  stepSkipped(index: number, { cause, reason }: Skipping): void {
    this.#push({ type: "StepSkipped", ...this.log.ofStep(index, 0, this.#now), cause, reason })
  }

  // -- outcomes ------------------------------------------------------------------------------------------------------

  /** A lease begins. */
  started(lease: Lease, atMillis: number): void {
    this.#leases.add(lease)
    if (lease.item !== undefined) this.expansionOf(lease.unit)!.lent()
    if (lease.phase === "probe" || lease.item !== undefined) return
    this.#now = atMillis
    this.#begin()
    this.log.stepStarted(lease.index, lease.attempt, atMillis)
  }

  /** Records how a claim ended. Whoever calls has compared the token. */
  settle(lease: Lease, outcome: Outcome, atMillis: number): void {
    this.#now = atMillis
    const { unit, attempt } = lease
    this.#leases.end(lease)
    if (lease.item !== undefined) this.expansionOf(unit)!.ended()
    switch (outcome._tag) {
      case "Completed":
        if (unit.memo !== undefined) this.#owner.memoise(unit.memo, outcome.outputs)
        if (unit.item !== -1) {
          this.#completeItem(unit, outcome.outputs, false)
          return
        }
        this.#completeStep(unit.index, attempt, this.#owner.since(lease.beganMillis), outcome.outputs, moreOf(outcome))
        return
      case "Failed":
        if (lease.phase === "probe" && unit.item === -1) {
          this.#begin()
          this.log.stepStarted(unit.index, 0, atMillis)
        }
        this.#failStep(unit, attempt, lease.beganMillis, outcome.error)
        return
      case "Retried": {
        unit.failures++
        const { error, waitMillis } = outcome
        this.#unitEvent(unit, { type: "StepRetried", ...this.#ofUnit(unit, attempt, error.item), error, waitMillis })
        this.#owner.delay(unit, waitMillis)
        const expansion = this.expansionOf(unit)
        if (expansion !== undefined) this.#requeue(expansion)
        return
      }
      case "Released": {
        const { reason } = outcome
        if (lease.phase !== "probe") {
          this.#unitEvent(unit, { type: "StepReleased", ...this.#ofUnit(unit, attempt), reason })
        }
        this.again(unit)
        return
      }
      case "Probed": {
        unit.probed = true
        unit.memo = outcome.memo
        unit.found = outcome.memo === undefined ? outcome.limits : [...outcome.limits, Limit.ofMemo(outcome.memo.text)]
        const known = outcome.memo && this.#owner.recall(outcome.memo)
        if (known === undefined) this.again(unit)
        else this.recall(unit, known, atMillis)
        return
      }
      case "Expanded": {
        const { units, count, size } = outcome
        const plan = this.step(unit.index).expands!
        this.#expansions ??= new Map()
        this.#expansions.set(unit.index, new Expansion(plan, unit, lease.beganMillis, units, count, size))
        this.log.stepProgressed(unit.index, attempt, 0, count, atMillis)
        this.#owner.ready(unit)
        return
      }
    }
  }

  /** A unit can be lent again: it was given back, or has waited for its next attempt. */
  again(unit: Unit): void {
    const expansion = unit.item === -1 ? undefined : this.expansionOf(unit)!
    if (expansion === undefined) this.#owner.ready(unit)
    else {
      expansion.again(unit)
      this.#requeue(expansion)
    }
  }

  /** The worker of a lease was lost. */
  lost(lease: Lease, reason: string, atMillis: number): void {
    const { unit, step } = lease
    if (++unit.losses < this.#owner.maxLosses) {
      this.settle(lease, { _tag: "Released", reason }, atMillis)
      return
    }
    const { item } = this.#ofUnit(unit, 0) as { readonly item?: number }
    const error = workerLost(step, item, unit.losses)
    this.settle(lease, { _tag: "Failed", error }, atMillis)
  }

  /** A unit gives what another attempt gave for the same inputs. */
  recall(unit: Unit, outputs: Outputs, atMillis: number): void {
    this.#now = atMillis
    if (unit.item !== -1) {
      this.#completeItem(unit, outputs, true)
      return
    }
    this.#begin()
    this.log.stepStarted(unit.index, unit.attempts, atMillis)
    this.#completeStep(unit.index, unit.attempts, 0, outputs, { memoised: true })
  }

  /** Keeps what an attempt says; its progress only while it has its lease. */
  note({ claim, progress, line, dropped = 0 }: Note, isLive: boolean, atMillis: number): void {
    const { index, step, attempt, item } = claim
    this.log.linesDropped += dropped
    if (progress !== undefined && isLive && item === undefined) {
      this.log.stepProgressed(index, attempt, progress.done, progress.total, atMillis)
    }
    if (line !== undefined) this.log.write({ atMillis, step, attempt, ...line })
  }

  // -- the ends of a run ---------------------------------------------------------------------------------------------

  fail(error: ErrorInfo, atMillis: number): void {
    this.#end("FAILED", { type: "RunFailed", ...this.log.at(atMillis), error })
  }

  cancel(reason: string, atMillis: number): void {
    this.#end("CANCELLED", { type: "RunCancelled", ...this.log.at(atMillis), reason })
  }

  /** Ends one step; the run goes on as if it had failed. */
  cancelStep(index: number, reason: string, atMillis: number): void {
    if (this.isStepOver(index)) return
    this.#now = atMillis
    const { name } = this.step(index)
    const { attempts } = this.log.state.steps[index]!
    this.#push({ type: "StepCancelled", ...this.log.ofStep(index, attempts, atMillis), reason })
    this.#lose(index, stepCancelled(name, reason), `step '${name}' was cancelled`)
  }

  // -- inside --------------------------------------------------------------------------------------------------------

  #completeStep(index: number, attempt: number, durationMillis: number, outputs: Outputs, more?: HowCompleted): void {
    const given = this.#hasGiven ? withoutKeys(outputs, this.submission.given) : outputs
    for (const name of Object.keys(given)) this.#keep(name, given[name]!)
    this.log.stepCompleted(index, attempt, given, durationMillis, this.#now, more)
    this.#countdown.complete(index, more?.arm)
    if (this.#countdown.remaining === 0) this.#finish()
  }

  #completeItem(unit: Unit, outputs: Outputs, isMemoised: boolean): void {
    const { index } = unit
    const expansion = this.expansionOf(unit)!
    const { source, beganMillis, count } = expansion
    expansion.complete(unit.item, outputs, isMemoised)
    if (expansion.length > this.#owner.maxValueBytes) {
      const error = resultsTooLarge(this.step(index).name, this.#owner.maxValueBytes)
      this.#failStep(unit, source.attempts, beganMillis, error)
      return
    }
    this.log.stepProgressed(index, source.attempts, expansion.done, count, this.#now)
    if (!expansion.isDone) {
      this.#requeue(expansion)
      return
    }
    this.#expansions!.delete(index)
    const more = expansion.memoised === 0 ? undefined : { memoisedItems: expansion.memoised }
    this.#completeStep(index, source.attempts, this.#owner.since(beganMillis), expansion.outputs, more)
  }

  /** Has the rest of a step's items queued, when there are any that can be lent and are not. */
  #requeue(expansion: Expansion): void {
    if (!expansion.isQueued && expansion.isReady) this.#owner.ready(expansion.source)
  }

  #failStep(unit: Unit, attempt: number, beganMillis: number, error: ErrorInfo): void {
    const { index } = unit
    const durationMillis = this.#owner.since(this.expansionOf(unit)?.beganMillis ?? beganMillis)
    this.#push({ type: "StepFailed", ...this.log.ofStep(index, attempt, this.#now), error, durationMillis })
    this.#lose(index, error, `step '${this.step(index).name}' failed`)
  }

  /** A step has ended without what others wait for. */
  #lose(index: number, error: ErrorInfo, reason: string): void {
    const { onFailure } = this.submission
    this.#error ??= error
    if (onFailure === "fail-fast") {
      this.fail(error, this.#now)
      return
    }
    this.#countdown.lose(index, reason, onFailure === "continue")
    this.#expansions?.delete(index)
    this.#leases.revoke(index, this.#owner.revoke)
    if (this.#countdown.remaining === 0) this.#finish()
  }

  /** Every step is over. */
  #finish(): void {
    const isFailure = this.submission.onFailure !== "skip" || this.#countdown.isLacking
    if (this.#error !== undefined && isFailure) {
      this.fail(this.#error, this.#now)
      return
    }
    this.#begin()
    this.#end("COMPLETED", { type: "RunCompleted", ...this.log.at(this.#now) })
  }

  #end(status: Run.RunStatus, event: Event): void {
    this.status = status
    this.endedAtMillis = event.atMillis
    this.#push(event)
    this.#leases.revoke(undefined, this.#owner.revoke)
    this.#expansions = undefined
    this.#owner.ended(this)
  }

  #keep(name: string, value: Json): void {
    const before = this.values.get(name)
    this.#valuesLength += value.length - (before === undefined ? -name.length : before.length)
    this.values.set(name, value)
  }

  #begin(): void {
    if (this.status !== "PENDING") return
    this.status = "RUNNING"
    const { requestId } = this.submission
    this.#push({ type: "RunStarted", ...this.log.at(this.#now), ...(requestId !== undefined && { requestId }) })
  }

  #push(event: Event): void {
    this.log.add(event)
  }

  /** An event that may be about an item: of those, a step has only so many. */
  #unitEvent(unit: Unit, event: Event): void {
    const expansion = unit.item === -1 ? undefined : this.expansionOf(unit)
    if (expansion === undefined || expansion.events++ < MAX_ITEM_EVENTS) this.#push(event)
  }

  /** `item` is the one of several that it is about. */
  #ofUnit(unit: Unit, attempt: number, item?: number) {
    const about = this.log.ofStep(unit.index, attempt, this.#now)
    const expansion = unit.item === -1 ? undefined : this.expansionOf(unit)
    return expansion === undefined ? about : { ...about, item: item ?? unit.item * expansion.size }
  }
}

/** What was given stays, also when the step that would give it runs for something else. */
const withoutKeys = (outputs: Outputs, given: Outputs): Outputs =>
  Object.fromEntries(Object.entries(outputs).filter(([name]) => !Object.hasOwn(given, name)))

const moreOf = ({ arm }: Extract<Outcome, { readonly _tag: "Completed" }>) => (arm === undefined ? undefined : { arm })
