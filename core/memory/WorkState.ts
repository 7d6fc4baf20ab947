/** The load of a Store in memory, and the claims that its workers hold. */
import { type Load, readySince, Tally } from "../store/Load.ts"
import { gather, type HeldClaim, MAX_HELD, MAX_SEEN, type WorkerState } from "../store/WorkerState.ts"
import type { MemoryRun, RunUnit } from "./run/MemoryRun.ts"
import type { StoreClock } from "./StoreClock.ts"
import type { WorkerPresence } from "./WorkerPresence.ts"
import type { Fifo } from "./work/Fifo.ts"
import type { Leases } from "./work/Lease.ts"
import type { LoneUnits } from "./work/LoneUnits.ts"
import type { ReadyQueue, ReadyQueues } from "./work/ReadyQueues.ts"

/** The ready units and the leases. */
export interface Work {
  readonly ready: ReadyQueues<RunUnit>
  readonly lone: LoneUnits<RunUnit>
  readonly leases: Leases<MemoryRun>
  readonly presence: WorkerPresence
  readonly clock: StoreClock
}

/** The load, without the fields that the Store adds. */
export const loadOf = ({ ready, lone, leases, presence, clock }: Work): Omit<Load, "unfinished" | "overdue"> => {
  const waiting = new Map<string, number>()
  const abandoned = new Tally()
  const now = clock.now()
  let oldest = now
  const count = ({ key, pipelineId }: ReadyQueue<RunUnit>, units: Fifo<RunUnit>): void => {
    waiting.set(pipelineId, (waiting.get(pipelineId) ?? 0) + units.length)
    if (presence.isAbandoned(key)) abandoned.add(key, units.length)
    const { first } = units
    if (first !== undefined) oldest = Math.min(oldest, readySince(first.run.log.state))
  }
  for (const [queue, units] of lone.filled) count(queue, units)
  for (const queue of ready.filled()) {
    for (const units of [queue.units, queue.front]) if (units.length > 0) count(queue, units)
  }
  return {
    waiting,
    abandoned: abandoned.rows,
    oldestWaitingMillis: now - oldest,
    running: leases.size,
    workers: presence.count
  }
}

/** The connected workers, and the claims that workers hold. */
export const workersOf = ({ leases, presence, clock }: Work): ReadonlyArray<WorkerState> => {
  const now = clock.now()
  const claims: Array<readonly [string, HeldClaim]> = []
  for (const lease of leases.live()) {
    if (claims.length === MAX_HELD) break
    const { runId, pipelineId, step, attempt, worker } = lease
    const claimedAtMillis = now - clock.millisSince(lease.beganMillis)
    claims.push([worker, { runId, pipelineId, step, item: lease.item?.index, attempt, claimedAtMillis }])
  }
  return gather(new Map(Array.from(presence.ids, (id) => [id, now] as const).slice(0, MAX_SEEN)), claims)
}
