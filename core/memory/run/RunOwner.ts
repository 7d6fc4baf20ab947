/** The Store of a run in memory, as the run sees it. */

import type { Json } from "../../json/Value.ts"
import type { MemoKey } from "../../store/Work.ts"
import type { Lease, LeaseRun } from "../work/Lease.ts"
import type { WorkUnit } from "../work/WorkUnit.ts"

type Outputs = Readonly<Record<string, Json>>

/** The Store that owns a run. */
export interface RunOwner<Run extends LeaseRun> {
  readonly maxValueBytes: number
  /** How many workers a unit may lose before it fails. It runs alone on the last of them. */
  readonly maxLosses: number
  readonly ready: (unit: WorkUnit<Run>) => void
  /** Makes a unit ready, in front of the first steps of other runs. */
  readonly readyFirst: (unit: WorkUnit<Run>) => void
  /** Makes a unit ready again after `waitMillis`. */
  readonly delay: (unit: WorkUnit<Run>, waitMillis: number) => void
  /** The memoised outputs for a key. */
  readonly recall: (memo: MemoKey) => Outputs | undefined
  /** Memoises the outputs of a unit. */
  readonly memoise: (memo: MemoKey, outputs: Outputs) => void
  readonly revoke: (lease: Lease<Run>) => void
  /** Whole milliseconds since `beganMillis`, by the monotonic clock. */
  readonly millisSince: (beganMillis: number) => number
  readonly ended: (run: Run) => void
}
