/**
 * The contract of a Store, which keeps runs and grants their work to workers. The Worker and Operations know only this
 * contract, so a caller sees no difference between a Store in memory and one on Redis.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Json } from "../json/Value.ts"
import type { Event } from "../run/Event.ts"
import type { ItemList, ItemsRequest } from "../run/ItemList.ts"
import type { NewRun } from "../run/NewRun.ts"
import type { Outline } from "../run/Outline.ts"
import type { Run, RunStatus, Summary } from "../run/Run.ts"
import type { Lines } from "../task/Log.ts"
import {
  type IdempotencyConflict,
  type InvalidOption,
  RunNotFound,
  type RunUnfinished,
  type StoreUnavailable,
  type UnknownStep
} from "../values/Errors.ts"
import * as Text from "../values/Text.ts"
import type { Acls } from "./Acls.ts"
import type { AuditLog } from "./AuditLog.ts"
import type { FeedItem, FeedRequest } from "./Feed.ts"
import type { Load } from "./Load.ts"
import type { PipelineDefinitions } from "./PipelineDefinitions.ts"
import type { RateLimiter } from "./RateLimiter.ts"
import type { ScheduleStore } from "./ScheduleStore.ts"
import type { Tokens } from "./Tokens.ts"
import type { Claim, ClaimRequest, Note, Settled, Settlement } from "./Work.ts"
import type { WorkerState } from "./WorkerState.ts"

/** Which runs to list. Default: all. */
export interface ListRequest {
  readonly pipelineId?: string
  /** Runs with one of these statuses; at least one. */
  readonly statuses?: ReadonlyArray<RunStatus>
  /** Runs submitted from `sinceMillis` on, and before `untilMillis`, in milliseconds since 1970. */
  readonly sinceMillis?: number
  readonly untilMillis?: number
  /** Finished runs that took so many milliseconds from start to end, both inclusive. */
  readonly minDurationMillis?: number
  readonly maxDurationMillis?: number
  /** Failed runs whose error names this step. */
  readonly failedStep?: string
  /**
   * Failed runs with this text in the name or message of the error or of one of its causes, whatever the case: 1 to 200
   * characters. Paths of the host are searched as clients see them: `…/file.ts`.
   */
  readonly errorText?: string
  /** How many runs at most, newest first. */
  readonly limit: number
  /** The `nextCursor` of an earlier list, to continue behind it. */
  readonly cursor?: string
}

/** One page of runs. */
export interface RunList {
  /**
   * May be fewer than `limit`, or none, and still have a cursor: one call looks at a limited number of runs, and matching
   * ones may be rare.
   */
  readonly runs: ReadonlyArray<Summary>
  /** The start of the next page; undefined after the last one. */
  readonly nextCursor: string | undefined
}

/** Keeps runs, grants their work to workers, and holds the small tables of the servers. */
export interface Store {
  /** How long a claim lasts unless renewed, in milliseconds. */
  readonly leaseMillis: number
  /** The longest value, in bytes of UTF-8 of its JSON text. */
  readonly maxValueBytes: number
  /** Whether other programs may use the Store at the same time. */
  readonly isShared?: boolean
  /** Records a new run, PENDING, and makes its first steps ready. Gives its id, or the id of the run that has its key. */
  readonly submit: (run: NewRun) => Effect.Effect<string, IdempotencyConflict | StoreUnavailable>
  /** Waits until there is work for this worker, and grants it under a lease. Interrupting the wait loses no work. */
  readonly claim: (request: ClaimRequest) => Effect.Effect<ReadonlyArray<Claim>, StoreUnavailable>
  /** Restarts the leases of claims. Gives the claims whose lease is lost. */
  readonly renew: (claims: ReadonlyArray<Claim>) => Effect.Effect<ReadonlyArray<Claim>, StoreUnavailable>
  /**
   * Records outcomes. Each one, atomically, makes steps ready that have all their inputs now, skips steps that can't run
   * any more, or ends the run. A settlement with a stale token changes nothing. With a request, also grants ready work, so
   * that a worker settles and claims in one call.
   */
  readonly settle: (
    settlements: ReadonlyArray<Settlement>,
    request?: ClaimRequest
  ) => Effect.Effect<Settled, StoreUnavailable>
  /** Records progress and lines of attempts. */
  readonly note: (notes: ReadonlyArray<Note>) => Effect.Effect<void, StoreUnavailable>
  /**
   * The claims of the worker that the Store revokes because their run or step has ended, as that happens. Such a claim holds
   * its limits until the worker settles it, with any outcome, or its lease ends.
   */
  readonly revoked: (worker: string) => Stream.Stream<Claim, StoreUnavailable>
  /** Ends a run as CANCELLED. A finished run stays as it is. */
  readonly cancel: (runId: string, reason: string) => Effect.Effect<void, RunNotFound | StoreUnavailable>
  /** Ends one step as CANCELLED; the run goes on as after a failure of the step. A finished step stays as it is. */
  readonly cancelStep: (
    runId: string,
    step: string,
    reason: string
  ) => Effect.Effect<void, RunNotFound | UnknownStep | StoreUnavailable>
  /** Deletes a finished run. */
  readonly remove: (runId: string) => Effect.Effect<void, RunNotFound | RunUnfinished | StoreUnavailable>
  /** Stops granting steps of the pipeline. Running steps go on. */
  readonly pause: (pipelineId: string) => Effect.Effect<void, StoreUnavailable>
  /** Grants steps of the pipeline again. */
  readonly resume: (pipelineId: string) => Effect.Effect<void, StoreUnavailable>
  /** The pipelines that are paused. */
  readonly paused: Effect.Effect<ReadonlySet<string>, StoreUnavailable>
  readonly get: (runId: string) => Effect.Effect<Run, RunNotFound | StoreUnavailable>
  /** The id of a run's pipeline. Costs less than `get`, and is all that a check of permissions needs. */
  readonly pipelineOf: (runId: string) => Effect.Effect<string, RunNotFound | StoreUnavailable>
  /** The run with the sizes of its values in place of the values. */
  readonly outline: (runId: string) => Effect.Effect<Outline, RunNotFound | StoreUnavailable>
  /** The JSON text of a parameter, a given value or an output of a run; undefined when the run has no such value. */
  readonly value: (runId: string, name: string) => Effect.Effect<Json | undefined, RunNotFound | StoreUnavailable>
  /** The log lines of the run's tasks. */
  readonly lines: (runId: string) => Effect.Effect<Lines, RunNotFound | StoreUnavailable>
  /**
   * The units of a step with items, in order. A Store keeps them while the step runs. It keeps them as long as the run when
   * the step failed, was cancelled, ended with its run, or completed without some of its items. Other steps, and every
   * reduce, have none. Looks at 500 units at most, so a page may be shorter than `limit`, or empty, before the last one.
   * Fails with `InvalidOption` for an invalid limit, status or cursor.
   */
  readonly items: (
    request: ItemsRequest
  ) => Effect.Effect<ItemList, RunNotFound | UnknownStep | InvalidOption | StoreUnavailable>
  /** Waits until the run ends, and gives it. When the Store closes first and the run outlives it, the unfinished run. */
  readonly wait: (runId: string) => Effect.Effect<Run, RunNotFound | StoreUnavailable>
  /** Runs without their values, newest first. Fails with `InvalidOption` for a cursor that is not the `nextCursor` of a list of this Store. */
  readonly list: (request: ListRequest) => Effect.Effect<RunList, InvalidOption | StoreUnavailable>
  /**
   * The run's events after sequence `after`, then new ones as they happen, each once and in order, up to the terminal one.
   * Fails with `RunNotFound` when the run is deleted before the stream has read them all. With `isBare` the events may lack
   * values (parameters, outputs, results), so that the Store need not read these.
   */
  readonly watch: (
    runId: string,
    after?: number,
    isBare?: boolean
  ) => Stream.Stream<Event, RunNotFound | StoreUnavailable>
  /** The events of all runs as they are recorded, new ones only or from a cursor; see `Feed.open`. */
  readonly feed: (
    request: FeedRequest
  ) => Effect.Effect<Stream.Stream<FeedItem, StoreUnavailable>, InvalidOption | StoreUnavailable>
  readonly schedules: ScheduleStore
  readonly definitions: PipelineDefinitions
  readonly limiter: RateLimiter
  readonly acls: Acls
  readonly tokens: Tokens
  readonly audit: AuditLog
  /** The load of the Store. Costs about as much as a list of runs. */
  readonly load: Effect.Effect<Load, StoreUnavailable>
  /**
   * Connected workers, at most 500, and all that hold claims, by id. Looks at 10,000 claims at most. A worker that has left
   * a shared Store without saying so counts as connected for 15 seconds.
   */
  readonly workers: Effect.Effect<ReadonlyArray<WorkerState>, StoreUnavailable>
  /** The time by the Store's clock, in milliseconds since 1970. Only this clock decides what is due. Never goes back. */
  readonly now: Effect.Effect<number, StoreUnavailable>
  /** Succeeds when the Store answers. */
  readonly ping: Effect.Effect<void, StoreUnavailable>
  /** Waits until no unfinished run would be lost with this process. Returns immediately for a Store that outlives it. */
  readonly drain: Effect.Effect<void>
}

/** The key of the Store service. */
export const Store: Context.Service<Store, Store> = Context.Service<Store>("levada/Store")

/** The longest id of a run, in UTF-16 units. */
const MAX_RUN_ID = 200

/** Finds a run by an id that a caller sent. An invalid id is `RunNotFound`, and never reaches the Store. */
export const found = <A>(
  runId: string,
  find: (runId: string) => Effect.Effect<A, RunNotFound | StoreUnavailable>
): Effect.Effect<A, RunNotFound | StoreUnavailable> =>
  Text.isKey(runId, MAX_RUN_ID) ? find(runId) : Effect.fail(new RunNotFound(runId))

/** The newest run of a pipeline, optionally with one of these statuses. */
export const newestRun = (
  store: Store,
  pipelineId: string,
  statuses?: ReadonlyArray<RunStatus>
): Effect.Effect<Summary | undefined, StoreUnavailable> => {
  const from = (cursor?: string): Effect.Effect<Summary | undefined, InvalidOption | StoreUnavailable> =>
    Effect.flatMap(
      store.list({
        pipelineId,
        limit: 1,
        ...(statuses !== undefined && { statuses }),
        ...(cursor !== undefined && { cursor })
      }),
      ({ runs, nextCursor }) =>
        runs.length > 0 || nextCursor === undefined ? Effect.succeed(runs[0]) : from(nextCursor)
    )
  // The cursors come from the Store itself.
  return Effect.catchTag(from(), "InvalidOption", Effect.die)
}
