/** Continues the units of a run that an earlier Store began, once the run opens. */
import type { MemoryRun, RunLease } from "./run/MemoryRun.ts"
import type { PastUnit, RunPast } from "./run/RunPast.ts"
import { Lease } from "./work/Lease.ts"

const LOST = "the program that ran it ended"
const INTERRUPTED = "its process restarted, or its Store recovered from a failure"

/** Continues the steps that are ready or were begun. */
export const resume = (
  run: MemoryRun,
  loneLosses: number,
  now: { readonly atMillis: number; readonly passedMillis: number }
): void => {
  const past: RunPast<MemoryRun> = run.past!
  run.past = undefined
  const continueWith = ({ unit, isRunning, dueAtMillis }: PastUnit<MemoryRun>): void => {
    if (isRunning) {
      // An attempt that was under way: its worker is gone, as after the end of a lease.
      if (unit.phase !== "probe") unit.attempts--
      const { firstBeganMillis } = unit
      const lease: RunLease = new Lease(run, unit, [], 0, "", unit.losses >= loneLosses, now.passedMillis)
      unit.firstBeganMillis = firstBeganMillis
      run.lend(lease)
      if (past.isLoss) run.lost(lease, LOST, now.atMillis)
      else run.settle(lease, { _tag: "Released", reason: INTERRUPTED }, now.atMillis)
    } else if (dueAtMillis > now.atMillis) run.delay(unit, dueAtMillis - now.atMillis, dueAtMillis)
    else if (unit.attempts > 0 || unit.item !== -1) run.requeue(unit)
    else run.ready(unit)
  }
  for (const index of past.ready) {
    const items = run.itemsOf({ index })
    if (items === undefined) continueWith(past.unitOf(index))
    else {
      // From the last to the first, because the unit that was made ready last is taken first.
      for (const unit of past.unitsOf(index).toReversed()) if (!run.isStepOver(index)) continueWith(unit)
      if (!run.isStepOver(index)) run.queueItems(items)
    }
    if (run.isOver) return
  }
}
