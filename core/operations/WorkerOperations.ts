/** Operations on workers: who they are, and which claims they hold. */
import * as Effect from "effect/Effect"
import type { Guard, GuardError } from "../access/Guard.ts"
import type { Store } from "../store/Store.ts"
import type { HeldClaim, WorkerState } from "../store/WorkerState.ts"
import type { Caller } from "../values/Principal.ts"

/** A worker as a caller sees it. */
export interface VisibleWorker extends WorkerState {
  /** How many claims it holds, also of pipelines that the caller may not read. */
  readonly running: number
  /** Claims of runs that the caller may read, the oldest first: at most 50. */
  readonly claims: ReadonlyArray<HeldClaim>
}

/** Operations on workers. */
export interface WorkerOperations {
  /** The workers by id, at most a second old. */
  readonly workers: (caller: Caller) => Effect.Effect<ReadonlyArray<VisibleWorker>, GuardError>
}

/** The most claims of one worker in an answer. */
const MAX_CLAIMS = 50

/** How long the workers are cached, in milliseconds: to find their claims, a Store may read some thousand leases. */
const CACHED_MILLIS = 1_000

/** Makes the operations on workers. */
export const make = (store: Store, guard: Guard): Effect.Effect<WorkerOperations> =>
  Effect.map(Effect.cachedWithTTL(store.workers, CACHED_MILLIS), (cached) => ({
    workers: (caller) => {
      const isVisible = ({ pipelineId, runId }: HeldClaim) =>
        guard.may(caller, { permission: "read", pipelineId, runId })
      return Effect.andThen(
        guard.check(caller, { permission: "read" }),
        Effect.map(cached, (workers) =>
          workers.map((worker) => ({
            ...worker,
            running: worker.claims.length,
            claims: worker.claims.filter(isVisible).slice(0, MAX_CLAIMS)
          }))
        )
      )
    }
  }))
