/**
 * Where runs live. The Worker and Operations know only this contract, so a Store in memory and one on Redis differ in
 * nothing that a caller can see.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Event } from "../run/Event.ts"
import type { ItemList, ItemsRequest } from "../run/ItemList.ts"
import type { NewRun } from "../run/NewRun.ts"
import type { Run, RunStatus } from "../run/Run.ts"
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

/** Which runs to list. */
export interface ListRequest {
  readonly pipelineId?: string
  readonly status?: RunStatus
  /** Submitted at this instant or later, and before that one, in milliseconds since 1970. */
  readonly sinceMillis?: number
  readonly untilMillis?: number
  /** At most so many, newest first. */
  readonly limit: number
  /** Goes on where an earlier list ended. */
  readonly cursor?: string
}

/** A part of the list of runs. */
export interface RunList {
  /** Where what is asked for is rare these may be fewer than `limit`, or none, with a cursor: one call looks at so many runs only. */
  readonly runs: ReadonlyArray<Run>
  /** Where the next part begins; undefined when nothing is left. */
  readonly nextCursor: string | undefined
}

/** Where runs live. */
export interface Store {
  /** How long a claim lasts unless renewed, in milliseconds. */
  readonly leaseMillis: number
  /** The longest value that is kept, in bytes of UTF-8 of its JSON text. */
  readonly maxValueBytes: number
  /** Whether other programs may use it at the same time. */
  readonly isShared?: boolean
  /** Records a new run, PENDING, and makes its first steps ready. Gives its id, or that of the run that has its key. */
  readonly submit: (run: NewRun) => Effect.Effect<string, IdempotencyConflict | StoreUnavailable>
  /** Waits until there is work for this worker, and lends it. Interrupting it loses nothing. */
  readonly claim: (request: ClaimRequest) => Effect.Effect<ReadonlyArray<Claim>, StoreUnavailable>
  /** Starts the leases anew. Gives the claims that are no longer the worker's. */
  readonly renew: (claims: ReadonlyArray<Claim>) => Effect.Effect<ReadonlyArray<Claim>, StoreUnavailable>
  /**
   * Records outcomes; each, in one act, releases the steps whose last input it was, skips those that can't run any more,
   * or ends the run. A settlement whose token is stale changes nothing. With a request, lends the work that is ready
   * then: a worker that finishes something gets its next thing in the same call.
   */
  readonly settle: (
    settlements: ReadonlyArray<Settlement>,
    request?: ClaimRequest
  ) => Effect.Effect<Settled, StoreUnavailable>
  /** Keeps what attempts say. */
  readonly note: (notes: ReadonlyArray<Note>) => Effect.Effect<void, StoreUnavailable>
  /**
   * Claims of the worker that were taken from it because their run or step is over, as that happens. What they hold of
   * limits is free when the worker has settled them, whatever it settles them with, or else when their lease ends.
   */
  readonly revoked: (worker: string) => Stream.Stream<Claim, StoreUnavailable>
  /** Ends a run as CANCELLED. One that is over stays as it is. */
  readonly cancel: (runId: string, reason: string) => Effect.Effect<void, RunNotFound | StoreUnavailable>
  /** Ends one step as CANCELLED; the run goes on as after a failure of it. One that is over stays as it is. */
  readonly cancelStep: (
    runId: string,
    step: string,
    reason: string
  ) => Effect.Effect<void, RunNotFound | UnknownStep | StoreUnavailable>
  /** Forgets a run that is over. */
  readonly remove: (runId: string) => Effect.Effect<void, RunNotFound | RunUnfinished | StoreUnavailable>
  /** Lends no step of the pipeline any more; what runs goes on. */
  readonly pause: (pipelineId: string) => Effect.Effect<void, StoreUnavailable>
  /** Lends its steps again. */
  readonly resume: (pipelineId: string) => Effect.Effect<void, StoreUnavailable>
  /** The pipelines that are paused. */
  readonly paused: Effect.Effect<ReadonlySet<string>, StoreUnavailable>
  readonly get: (runId: string) => Effect.Effect<Run, RunNotFound | StoreUnavailable>
  /** The run's lines. */
  readonly lines: (runId: string) => Effect.Effect<Lines, RunNotFound | StoreUnavailable>
  /**
   * The units of a step that goes through items, in order. A Store keeps them while the step runs and, as long as the run,
   * when the step failed, was cancelled, was ended by the end of its run, or completed without some of its items. Of any
   * other step it gives none, and of a reduce never any. Looks at 500 units at most, so a part may be shorter than `limit`,
   * or empty, with more to follow. Fails with `InvalidOption` for a limit, a status or a cursor that can't be used.
   */
  readonly items: (
    request: ItemsRequest
  ) => Effect.Effect<ItemList, RunNotFound | UnknownStep | InvalidOption | StoreUnavailable>
  /** The run once it is over; when the Store is closed before that and the run outlives it, the run as it is then. */
  readonly wait: (runId: string) => Effect.Effect<Run, RunNotFound | StoreUnavailable>
  /** Newest first. Fails with `InvalidOption` for a cursor that no list of this Store ended with. */
  readonly list: (request: ListRequest) => Effect.Effect<RunList, InvalidOption | StoreUnavailable>
  /**
   * The run's events after sequence `after`, then new ones as they happen, each once and in order, to the terminal one. Fails
   * with `RunNotFound` behind the events that were read when the run is forgotten before that.
   */
  readonly watch: (runId: string, after?: number) => Stream.Stream<Event, RunNotFound | StoreUnavailable>
  /** The events of all runs as they are recorded, from now on or from a cursor; see `Feed.open`. */
  readonly feed: (
    request: FeedRequest
  ) => Effect.Effect<Stream.Stream<FeedItem, StoreUnavailable>, InvalidOption | StoreUnavailable>
  readonly schedules: ScheduleStore
  readonly definitions: PipelineDefinitions
  readonly limiter: RateLimiter
  readonly acls: Acls
  readonly tokens: Tokens
  readonly audit: AuditLog
  /** How busy it is. Changes nothing; one look costs what a list of runs does. */
  readonly load: Effect.Effect<Load, StoreUnavailable>
  /** The instant by the Store's clock, in milliseconds since 1970: it alone decides what is due. Never goes back. */
  readonly now: Effect.Effect<number, StoreUnavailable>
  /** Succeeds when the Store answers. */
  readonly ping: Effect.Effect<void, StoreUnavailable>
  /** Waits for the runs that would be lost with this process. A Store that outlives it has none. */
  readonly drain: Effect.Effect<void>
}

/** The key of the Store service. */
export const Store: Context.Service<Store, Store> = Context.Service<Store>("levada/Store")

/** The longest id of a run, in UTF-16 units. */
const MAX_RUN_ID = 200

/** The run of an id that somebody names: a text that can't be one names none, whatever a Store would take it for. */
export const found = (store: Store, runId: string): Effect.Effect<Run, RunNotFound | StoreUnavailable> =>
  Text.isKey(runId, MAX_RUN_ID) ? store.get(runId) : Effect.fail(new RunNotFound(runId))

/** The newest run of a pipeline, or the newest with this status, or of those that were submitted at an instant or later. */
export const newestRun = (
  store: Store,
  pipelineId: string,
  status?: RunStatus,
  sinceMillis?: number
): Effect.Effect<Run | undefined, StoreUnavailable> => {
  const from = (cursor?: string): Effect.Effect<Run | undefined, InvalidOption | StoreUnavailable> =>
    Effect.flatMap(
      store.list({
        pipelineId,
        limit: 1,
        ...(status !== undefined && { status }),
        ...(sinceMillis !== undefined && { sinceMillis }),
        ...(cursor !== undefined && { cursor })
      }),
      ({ runs, nextCursor }) =>
        runs.length > 0 || nextCursor === undefined ? Effect.succeed(runs[0]) : from(nextCursor)
    )
  // The cursors are its own.
  return Effect.catchTag(from(), "InvalidOption", Effect.die)
}
