/** The units of a run that an earlier Store began, from its events and from the rows of its journal. */

import type { PlanStep } from "../../pipeline/Plan.ts"
import type { Event } from "../../run/Event.ts"
import type { UnitRow } from "../journal/Journal.ts"
import { StepItems } from "../work/StepItems.ts"
import { type UnitRun, WorkUnit } from "../work/WorkUnit.ts"
import type { ListPast, UnitPast } from "./Unsaved.ts"

/** The rows of a run besides its events. */
export interface PastRows {
  readonly units: ReadonlyArray<UnitRow>
  readonly lists: ReadonlyArray<{ readonly step: number; readonly text: string }>
}

/** A unit to continue. */
export interface PastUnit<Run extends UnitRun> {
  readonly unit: WorkUnit<Run>
  /** Whether a worker had it when the earlier Store ended. */
  readonly isRunning: boolean
  /** When its next attempt may begin; 0: now. */
  readonly dueAtMillis: number
}

/** What the events say of a step. */
interface StepPast {
  attempts: number
  failures: number
  isRunning: boolean
  beganAtMillis: number
  dueAtMillis: number
  retryEvents: number
  failedEvents: number
}

export class RunPast<Run extends UnitRun> {
  readonly #run: Run
  readonly #steps: Map<number, StepPast> = new Map()
  readonly #units: Map<number, Map<number, UnitPast>> = new Map()
  readonly #lists: PastRows["lists"]
  readonly #left: Map<number, ReadonlyArray<PastUnit<Run>>> = new Map()
  /** The moment of an instant, by the monotonic clock. */
  readonly #moment: (atMillis: number) => number
  /** Whether a process ended while its workers had units. */
  readonly isLoss: boolean
  /** The steps that are ready or were begun. */
  readonly ready: Array<number> = []

  constructor(
    run: Run,
    events: ReadonlyArray<Event>,
    { units, lists }: PastRows,
    moment: (atMillis: number) => number,
    isLoss: boolean
  ) {
    this.#run = run
    this.#lists = lists
    this.#moment = moment
    this.isLoss = isLoss
    for (const event of events) if ("index" in event) this.#add(event)
    for (const { step, unit, text } of units) {
      const ofStep = this.#units.get(step) ?? new Map<number, UnitPast>()
      this.#units.set(step, ofStep)
      ofStep.set(unit, JSON.parse(text) as UnitPast)
    }
  }

  #add(event: Extract<Event, { readonly step: string }>): void {
    const { index, atMillis, attempt } = event
    let past = this.#steps.get(index)
    if (past === undefined) {
      past = {
        attempts: 0,
        failures: 0,
        isRunning: false,
        beganAtMillis: 0,
        dueAtMillis: 0,
        retryEvents: 0,
        failedEvents: 0
      }
      this.#steps.set(index, past)
    }
    switch (event.type) {
      case "StepStarted":
        if (attempt === 1) past.beganAtMillis = atMillis
        past.attempts = attempt
        past.isRunning = true
        past.dueAtMillis = 0
        return
      case "StepRetried":
        if (event.item !== undefined) past.retryEvents++
        else {
          past.failures++
          past.isRunning = false
          past.dueAtMillis = atMillis + event.waitMillis
        }
        return
      case "StepReleased":
        if (event.item !== undefined) past.retryEvents++
        else past.isRunning = false
        return
      case "StepItemFailed":
        past.failedEvents++
        return
    }
  }

  /** The unit of a step that is ready, or was when the earlier Store ended. */
  unitOf(index: number): PastUnit<Run> {
    const unit = new WorkUnit(this.#run, index, -1)
    const past = this.#steps.get(index)
    const row = this.#units.get(index)?.get(-1)
    unit.losses = row?.losses ?? 0
    restoreProbe(unit, row)
    if (past === undefined) return { unit, isRunning: row?.isRunning === true, dueAtMillis: 0 }
    unit.attempts = past.attempts
    unit.failures = past.failures
    if (past.attempts > 0) unit.firstBeganMillis = this.#moment(past.beganAtMillis)
    return { unit, isRunning: past.isRunning || row?.isRunning === true, dueAtMillis: past.dueAtMillis }
  }

  /** The items of the steps that were expanded and whose items are kept. */
  *items(): Iterable<StepItems<Run>> {
    for (const { step, text } of this.#lists) {
      const { beganAtMillis, ...outcome } = JSON.parse(text) as ListPast
      const expansion = (this.#run.step(step) satisfies PlanStep).expands!
      const { unit: stepUnit } = this.unitOf(step)
      const items = new StepItems(expansion, stepUnit, this.#moment(beganAtMillis), { _tag: "Expanded", ...outcome })
      const past = this.#steps.get(step)
      items.retryEvents = past?.retryEvents ?? 0
      items.failedEvents = past?.failedEvents ?? 0
      this.#left.set(step, this.#unitsOf(items, step))
      yield items
    }
  }

  /** The units of an expanded step that were begun and are not done, in order. */
  unitsOf(step: number): ReadonlyArray<PastUnit<Run>> {
    return this.#left.get(step) ?? []
  }

  #unitsOf(items: StepItems<Run>, step: number): ReadonlyArray<PastUnit<Run>> {
    const rows = [...(this.#units.get(step) ?? [])]
      .filter(([item]) => item !== -1)
      .sort(([one], [other]) => one - other)
    const left: Array<PastUnit<Run>> = []
    let next = 0
    for (const [item, past] of rows) {
      const { attempts = 0, outputs, failed } = past
      items.resumeAt(item, attempts)
      for (; next < item; next++) if (!items.isUnitDone(next)) left.push(fresh(this.#run, step, next))
      next = item + 1
      if (outputs !== undefined) {
        if (failed === undefined) items.complete(item, outputs, past.isMemoised === true)
        else items.fail(item, outputs, failed)
        continue
      }
      const unit = new WorkUnit(this.#run, step, item)
      unit.attempts = attempts
      unit.failures = past.failures ?? 0
      unit.losses = past.losses ?? 0
      restoreProbe(unit, past)
      if (past.beganAtMillis !== undefined) unit.firstBeganMillis = this.#moment(past.beganAtMillis)
      left.push({ unit, isRunning: past.isRunning === true, dueAtMillis: past.dueAtMillis ?? 0 })
    }
    return left
  }
}

const restoreProbe = (unit: WorkUnit, past: UnitPast | undefined): void => {
  if (past?.probed === undefined) return
  unit.probed = true
  unit.probedLimits = past.probed.limits
  unit.memo = past.probed.memo
}

/** A unit that waited for a limit, so that later units of its step were leased before it. */
const fresh = <Run extends UnitRun>(run: Run, step: number, item: number): PastUnit<Run> => ({
  unit: new WorkUnit(run, step, item),
  isRunning: false,
  dueAtMillis: 0
})
