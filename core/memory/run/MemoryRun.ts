/** One run of a Store in memory: its log, values and leases, and how outcomes change them. */

import type { Json } from "../../json/Value.ts"
import type { Plan, PlanStep } from "../../pipeline/Plan.ts"
import type { CountdownListener, Skip } from "../../run/Countdown.ts"
import type { Event, HowCompleted } from "../../run/Event.ts"
import { type ItemList, type ItemsRequest, MAX_ITEM_ERRORS } from "../../run/ItemList.ts"
import type { KeptItems } from "../../run/KeptItems.ts"
import type * as Run from "../../run/Run.ts"
import type { Claim, FailedInUnit, Outcome } from "../../store/Work.ts"
import { type ErrorInfo, stepCancelled, workerLost } from "../../values/ErrorInfo.ts"
import * as Limit from "../../values/Limit.ts"
import { type Lease, type LeaseRun, RunLeases } from "../work/Lease.ts"
import type { Holder } from "../work/LimitHolders.ts"
import type { ReadyQueue } from "../work/ReadyQueues.ts"
import { StepItems } from "../work/StepItems.ts"
import { WorkUnit } from "../work/WorkUnit.ts"
import { QueuedRun } from "./QueuedRun.ts"
import { RunCourse, whyCancelled, whyFailed } from "./RunCourse.ts"
import { RunItems } from "./RunItems.ts"
import { RunLog } from "./RunLog.ts"
import type { RunOwner } from "./RunOwner.ts"
import type { RunPast } from "./RunPast.ts"
import { RunValues } from "./RunValues.ts"

type Outputs = Readonly<Record<string, Json>>

/** A unit, a lease and the items of a step, of a run in memory. */
export type RunUnit = WorkUnit<MemoryRun>
export type RunLease = Lease<MemoryRun>
type RunStepItems = StepItems<MemoryRun>

/** A run. Every method is synchronous, so no other code sees a half-done change. */
export class MemoryRun extends QueuedRun<MemoryRun, RunUnit> implements Holder, CountdownListener, LeaseRun {
  readonly log: RunLog
  readonly values: RunValues
  /** Of a run that an earlier Store began, until it opens. */
  past: RunPast<MemoryRun> | undefined = undefined

  readonly #owner: RunOwner<MemoryRun>
  readonly #course: RunCourse
  readonly #items: RunItems<MemoryRun>
  readonly #leases = new RunLeases<MemoryRun>()
  /** The instant of the current Store call. */
  #now = 0

  constructor(
    owner: RunOwner<MemoryRun>,
    serial: number,
    submission: Run.Submission,
    plan: Plan,
    limits: ReadonlyArray<Limit.Limit>,
    queue: ReadyQueue<RunUnit>,
    keptItems?: Readonly<Record<string, KeptItems>>
  ) {
    super(serial, limits, queue)
    this.#owner = owner
    this.log = new RunLog(submission, plan)
    this.#items = new RunItems(this.log, keptItems)
    this.#course = new RunCourse(plan, submission.onFailure, this)
    this.values = new RunValues(submission, owner.maxValueBytes)
  }

  get submission(): Run.Submission {
    return this.log.submission
  }
  /** Whether a worker has a lease of it. */
  get isLeased(): boolean {
    return !this.#leases.isEmpty
  }
  /** Bytes of its values, log and items. */
  get bytes(): number {
    return this.values.bytes + this.log.bytes + this.#items.bytes
  }

  step(index: number): PlanStep {
    return this.log.plan.steps[index]!
  }

  isStepOver(index: number): boolean {
    return this.isOver || this.#course.isOver(index)
  }

  /** The items of the unit's step, once the step is expanded. */
  itemsOf(unit: { readonly index: number }): RunStepItems | undefined {
    return this.#items.get(unit.index)
  }

  /** The values that a claim of the unit reads. */
  valuesOf(unit: WorkUnit): Claim["values"] {
    return this.#items.valuesOf(unit, this.values)
  }

  listItems(index: number, request: ItemsRequest): ItemList {
    return this.#items.list(index, request, this.#owner.maxValueBytes)
  }

  /** Makes the steps ready that depend on no other step. */
  open(atMillis: number): void {
    this.#now = atMillis
    this.isOpen = true
    if (this.#course.remaining > 0) this.#course.begin()
    else this.#finish()
  }

  stepReady(index: number): void {
    // Cancelling a step, or a replay, may release others before the run opens. `Countdown.begin` reports these again.
    if (!this.isOpen) return
    if (this.past !== undefined) this.past.ready.push(index)
    else this.ready(new WorkUnit(this, index, -1))
  }

  /** Makes the unit of a step ready for the first time. */
  ready(unit: RunUnit): void {
    // Steps of runs that have begun go before the first steps of other runs.
    if (this.status === "RUNNING") this.#owner.readyFirst(unit)
    else this.#owner.ready(unit)
  }

  stepSkipped(index: number, { cause, reason }: Skip): void {
    if (this.#course.isReplaying) return
    this.log.add({ type: "StepSkipped", ...this.log.stepFields(index, 0, this.#now), cause, reason })
  }

  /** Continues a run that an earlier Store began. Open it then, unless it is over. */
  restore(events: ReadonlyArray<Event>, past: RunPast<MemoryRun>): void {
    this.#course.replay(events)
    for (const event of events) if (event.type === "StepCompleted") this.values.keepAll(event.outputs)
    for (const items of past.items()) this.#items.add(items)
    const { status, completedAtMillis = 0 } = this.log.state
    this.status = status
    this.endedAtMillis = completedAtMillis
    if (!this.isOver) this.past = past
  }

  /** Adds a lease of a unit. */
  lend(lease: RunLease): void {
    this.#leases.add(lease)
    this.#items.of(lease.unit)?.leased(lease.unit)
  }

  /** A unit was leased. */
  leased(lease: RunLease, atMillis: number): void {
    this.lend(lease)
    if (lease.phase === "probe" || lease.item !== undefined) {
      this.log.unsaved?.units.set(lease.unit, "running")
      return
    }
    this.#now = atMillis
    this.#startRun()
    this.log.stepStarted(lease.index, lease.attempt, atMillis, lease.worker)
  }

  /** Records the outcome of a live lease. */
  settle(lease: RunLease, outcome: Outcome, atMillis: number): void {
    this.#now = atMillis
    const { unit, attempt, beganMillis } = lease
    this.#leases.end(lease)
    const items = this.#items.of(unit)
    items?.released(unit)
    const { unsaved } = this.log
    if (unsaved !== undefined && (lease.phase === "probe" || items !== undefined)) unsaved.units.set(unit, "ready")
    switch (outcome._tag) {
      case "Completed":
        if (items !== undefined && outcome.failed !== undefined) {
          this.#failItems(items, lease, outcome.outputs, outcome.failed, outcome.failed.errors[0]!)
          return
        }
        if (unit.memo !== undefined) this.#owner.memoise(unit.memo, outcome.outputs)
        if (items !== undefined) {
          this.log.unsaved?.units.set(unit, { outputs: outcome.outputs })
          items.complete(unit.item, outcome.outputs, false)
          this.#advance(items)
          return
        }
        this.#completeStep(unit.index, attempt, this.#owner.millisSince(beganMillis), outcome.outputs, armOf(outcome))
        return
      case "Failed":
        if (items !== undefined) {
          const { error } = outcome
          this.#failItems(items, lease, {}, items.allFailed(unit.item, error), error)
          return
        }
        if (lease.phase === "probe") {
          this.#startRun()
          this.log.stepStarted(unit.index, 0, atMillis)
        }
        this.#failStep(unit.index, attempt, beganMillis, outcome.error)
        return
      case "Retried": {
        unit.failures++
        const { error, waitMillis } = outcome
        if (this.#items.countEvent(unit)) {
          const fields = this.#items.eventFields(unit, attempt, this.#now, error.item)
          this.log.add({ type: "StepRetried", ...fields, error, waitMillis })
        }
        this.delay(unit, waitMillis, atMillis + waitMillis)
        if (items !== undefined) this.queueItems(items)
        return
      }
      case "Released": {
        const { reason } = outcome
        if (lease.phase !== "probe" && this.#items.countEvent(unit)) {
          this.log.add({ type: "StepReleased", ...this.#items.eventFields(unit, attempt, this.#now), reason })
        }
        this.requeue(unit)
        return
      }
      case "Probed": {
        const { limits, memo } = outcome
        unit.probed = true
        unit.memo = memo
        unit.probedLimits = memo === undefined ? limits : [...limits, Limit.ofMemo(memo.text)]
        const known = memo && this.#owner.recall(memo)
        if (known === undefined) this.requeue(unit)
        else this.completeFromMemo(unit, known, atMillis)
        return
      }
      case "Expanded": {
        const expansion = this.step(unit.index).expands!
        const made = new StepItems(expansion, unit, beganMillis, outcome)
        this.#items.add(made)
        this.log.unsaved?.expanded(unit.index, outcome, this.#now - this.#owner.millisSince(beganMillis))
        this.#advance(made)
        return
      }
    }
  }

  /** Lets a unit wait for its next attempt. */
  delay(unit: RunUnit, waitMillis: number, dueAtMillis: number): void {
    unit.dueAtMillis = dueAtMillis
    this.#owner.delay(unit, waitMillis)
  }

  /** Makes a unit ready again: it was released, or its wait for the next attempt is over. */
  requeue(unit: RunUnit): void {
    const items = this.#items.of(unit)
    unit.dueAtMillis = 0
    if (items === undefined) this.#owner.ready(unit)
    else {
      items.requeue(unit)
      this.queueItems(items)
    }
  }

  /** The worker of a lease was lost. */
  lost(lease: RunLease, reason: string, atMillis: number): void {
    const { unit, step } = lease
    unit.losses++
    this.log.unsaved?.units.set(unit, "ready")
    // A unit that was not alone on its worker may have been lost because of another one.
    if (unit.losses < this.#owner.maxLosses || !lease.isAlone) {
      this.settle(lease, { _tag: "Released", reason }, atMillis)
      return
    }
    const error = workerLost(step, this.#items.eventFields(unit, 0, atMillis).item, unit.losses)
    this.settle(lease, { _tag: "Failed", error }, atMillis)
  }

  /** Completes a unit with memoised outputs. */
  completeFromMemo(unit: RunUnit, outputs: Outputs, atMillis: number): void {
    this.#now = atMillis
    const items = this.#items.of(unit)
    if (items !== undefined) {
      this.log.unsaved?.units.set(unit, { outputs, isMemoised: true })
      items.complete(unit.item, outputs, true)
      this.#advance(items)
      return
    }
    this.#startRun()
    this.log.stepStarted(unit.index, unit.attempts, atMillis)
    this.#completeStep(unit.index, unit.attempts, 0, outputs, { memoised: true })
  }

  /** Fails the step of a unit that can't be leased. */
  refuse(unit: RunUnit, error: ErrorInfo, atMillis: number, passedMillis: number): void {
    this.#now = atMillis
    const items = this.#items.get(unit.index)
    if (items === undefined) {
      this.#startRun()
      this.log.stepStarted(unit.index, unit.attempts, atMillis)
    }
    const { attempts } = items?.stepUnit ?? unit
    this.#failStep(unit.index, attempts, items?.beganMillis ?? passedMillis, error)
  }

  fail(error: ErrorInfo, atMillis: number): void {
    this.#end("FAILED", { type: "RunFailed", ...this.log.runFields(atMillis), error })
  }

  cancel(reason: string, atMillis: number): void {
    this.#end("CANCELLED", { type: "RunCancelled", ...this.log.runFields(atMillis), reason })
  }

  /** Cancels one step; the run goes on as if the step had failed. */
  cancelStep(index: number, reason: string, atMillis: number): void {
    if (this.isStepOver(index)) return
    this.#now = atMillis
    const { name } = this.step(index)
    const { attempts } = this.log.state.steps[index]!
    this.log.add({ type: "StepCancelled", ...this.log.stepFields(index, attempts, atMillis), reason })
    this.#applyFailure(index, stepCancelled(name, reason), whyCancelled(name))
  }

  #completeStep(index: number, attempt: number, durationMillis: number, outputs: Outputs, more?: HowCompleted): void {
    const kept = this.values.keepAll(outputs)
    this.log.stepCompleted(index, attempt, kept, durationMillis, this.#now, more)
    this.#course.complete(index, more?.arm)
    if (this.#course.remaining === 0) this.#finish()
  }

  /** Records failed items of a unit. `error` is that of the step, when one failed item fails the step. */
  #failItems(
    items: RunStepItems,
    { index, attempt, unit }: Pick<RunLease, "index" | "attempt" | "unit">,
    outputs: Outputs,
    failed: FailedInUnit,
    error: ErrorInfo
  ): void {
    this.log.unsaved?.units.set(unit, { outputs, failed })
    items.fail(unit.item, outputs, failed)
    if (items.expansion.onFailure === undefined) {
      this.#failStep(index, attempt, items.beganMillis, error)
      return
    }
    const reported = failed.errors.slice(0, Math.max(MAX_ITEM_ERRORS - items.failedEvents, 0))
    items.failedEvents += reported.length
    this.log.itemsFailed(index, attempt, reported, unit.item * items.size, this.#now)
    this.#advance(items)
  }

  /** After units have ended: fails or completes the step, or queues its other units. */
  #advance(items: RunStepItems): void {
    const { stepUnit, beganMillis, count } = items
    const { index, attempts } = stepUnit
    const problem = items.stepError(this.#owner.maxValueBytes)
    if (problem !== undefined) {
      this.#failStep(index, attempts, beganMillis, problem)
      return
    }
    this.log.stepProgressed(index, attempts, items.done, count, this.#now)
    if (!items.isDone) {
      this.queueItems(items)
      return
    }
    if (this.#items.completed(items)) this.log.unsaved?.drop(index)
    this.#completeStep(index, attempts, this.#owner.millisSince(beganMillis), items.outputs, items.completion)
  }

  /** Queues the step's units, if some are ready and they are not queued yet. */
  queueItems(items: RunStepItems): void {
    if (!items.isQueued && items.isReady) this.#owner.ready(items.stepUnit)
  }

  #failStep(index: number, attempt: number, beganMillis: number, error: ErrorInfo): void {
    const durationMillis = this.#owner.millisSince(beganMillis)
    const fields = this.log.stepFields(index, attempt, this.#now)
    this.log.add({ type: "StepFailed", ...fields, error, durationMillis, ...this.#items.failedFields(index) })
    this.#applyFailure(index, error, whyFailed(this.step(index).name))
  }

  /** Applies the run's failure policy to a step that failed or was cancelled. */
  #applyFailure(index: number, error: ErrorInfo, reason: string): void {
    if (this.#course.failed(index, error, reason)) {
      this.fail(error, this.#now)
      return
    }
    this.#leases.revoke(index, this.#owner.revoke)
    if (this.#course.remaining === 0) this.#finish()
  }

  /** Ends the run: every step is over. */
  #finish(): void {
    const { error } = this.#course
    if (error !== undefined) {
      this.fail(error, this.#now)
      return
    }
    this.#startRun()
    this.#end("COMPLETED", this.log.runCompleted(this.values, this.#now))
  }

  #end(status: Run.RunStatus, event: Event): void {
    this.status = status
    this.endedAtMillis = event.atMillis
    this.log.add(event)
    this.#leases.revoke(undefined, this.#owner.revoke)
    this.#items.end()
    this.#owner.ended(this)
  }

  #startRun(): void {
    if (this.status !== "PENDING") return
    this.status = "RUNNING"
    this.log.runStarted(this.values, this.#now)
  }
}

const armOf = ({ arm }: Extract<Outcome, { readonly _tag: "Completed" }>) => (arm === undefined ? undefined : { arm })
