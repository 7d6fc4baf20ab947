/** The changes of a run that its journal does not have yet, besides its events. */

import type { FailedInUnit, MemoKey, Outcome } from "../../store/Work.ts"
import type { Line } from "../../task/Log.ts"
import type { Limit } from "../../values/Limit.ts"
import type { HeadRow, UnitRow, ValueRow } from "../journal/Journal.ts"
import type { UnitRun, WorkUnit } from "../work/WorkUnit.ts"

type Outputs = Extract<Outcome, { readonly _tag: "Completed" }>["outputs"]
type Expanded = Extract<Outcome, { readonly _tag: "Expanded" }>

/** The head of a new run, and its long values. */
export interface NewHead {
  readonly row: HeadRow
  readonly values: ReadonlyArray<ValueRow>
}

/** A unit that is done. */
export interface UnitEnd {
  readonly outputs: Outputs
  readonly failed?: FailedInUnit | undefined
  readonly isMemoised?: boolean
}

/** `running`: a worker has leased it. `ready`: it waits for a worker or for its next attempt. */
type UnitState = "running" | "ready" | UnitEnd

/** A unit as the journal keeps it. Instants are milliseconds since 1970. */
export interface UnitPast extends Partial<UnitEnd> {
  readonly isRunning?: boolean
  readonly attempts?: number
  readonly failures?: number
  readonly losses?: number
  readonly beganAtMillis?: number
  readonly dueAtMillis?: number
  /** What its probe found. */
  readonly probed?: { readonly limits: ReadonlyArray<Limit>; readonly memo?: MemoKey | undefined }
}

/** A list of units as the journal keeps it. */
export interface ListPast extends Omit<Expanded, "_tag"> {
  /** When the claim that expanded it began. */
  readonly beganAtMillis: number
}

export class Unsaved {
  /** Of a run that the journal does not have at all. */
  head: NewHead | undefined
  lines: Array<Line> = []
  /** How many dropped lines the journal knows of, and whether it knows that the run has ended. */
  savedDrops = 0
  isEndSaved = false
  readonly units: Map<WorkUnit, UnitState> = new Map()
  lists: Array<{ readonly step: number; readonly text: string }> = []
  dropped: Array<number> = []

  constructor(head: NewHead | undefined) {
    this.head = head
  }

  expanded(step: number, { units, count, size, done }: Expanded, beganAtMillis: number): void {
    const past: ListPast = { units, count, size, ...(done !== undefined && { done }), beganAtMillis }
    this.lists.push({ step, text: JSON.stringify(past) })
  }

  /** The step's units are no longer needed. */
  drop(step: number): void {
    this.dropped.push(step)
    for (const unit of this.units.keys()) if (unit.index === step) this.units.delete(unit)
    this.lists = this.lists.filter((list) => list.step !== step)
  }

  /** The journal has everything. */
  saved(isOver: boolean, drops: number): void {
    this.head = undefined
    this.isEndSaved = isOver
    this.savedDrops = drops
    if (this.lines.length > 0) this.lines = []
    if (this.lists.length > 0) this.lists = []
    if (this.dropped.length > 0) this.dropped = []
  }

  /** The rows of the changed units. `atMillis` gives the instant of a moment of the monotonic clock. */
  takeUnits(atMillis: (monotonicMillis: number) => number): ReadonlyArray<UnitRow> {
    if (this.units.size === 0) return []
    const rows = Array.from(this.units, ([unit, state]) => ({
      step: unit.index,
      unit: unit.item,
      text: JSON.stringify(pastOf(unit, state, atMillis))
    }))
    this.units.clear()
    return rows
  }
}

const pastOf = (
  { attempts, failures, losses, firstBeganMillis, dueAtMillis, probed, probedLimits, memo }: WorkUnit<UnitRun>,
  state: UnitState,
  atMillis: (monotonicMillis: number) => number
): UnitPast => ({
  ...(attempts > 0 && { attempts, beganAtMillis: atMillis(firstBeganMillis) }),
  ...(failures > 0 && { failures }),
  ...(losses > 0 && { losses }),
  ...(dueAtMillis > 0 && { dueAtMillis }),
  ...(probed && { probed: { limits: probedLimits, memo } }),
  ...(state === "running" ? { isRunning: true } : state === "ready" ? undefined : state)
})
