/** What a run in memory needs of its Store. */

import type { Json } from "../../json/Value.ts"
import type { MemoKey } from "../../store/Work.ts"
import type { Lease, LeaseRun } from "../work/Lease.ts"
import type { WorkUnit } from "../work/WorkUnit.ts"

type Outputs = Readonly<Record<string, Json>>

/** What a run tells the Store that it lives in. */
export interface RunOwner<Run extends LeaseRun> {
  readonly maxValueBytes: number
  /** How many workers one unit of work may lose before it fails, the last of them alone. */
  readonly maxLosses: number
  readonly ready: (unit: WorkUnit<Run>) => void
  /** It is ready, and goes before what begins other runs. */
  readonly readyFirst: (unit: WorkUnit<Run>) => void
  /** The unit is to be ready again after a while. */
  readonly delay: (unit: WorkUnit<Run>, waitMillis: number) => void
  /** What a unit with this memo key gave. */
  readonly recall: (memo: MemoKey) => Outputs | undefined
  /** Keeps what a unit gave, for others with the same memo key. */
  readonly memoise: (memo: MemoKey, outputs: Outputs) => void
  readonly revoke: (lease: Lease<Run>) => void
  /** Whole milliseconds since a lease or an expansion began. */
  readonly millisSince: (beganMillis: number) => number
  readonly ended: (run: Run) => void
}
