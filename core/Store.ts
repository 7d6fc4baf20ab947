/**
 * Where runs live. The Worker and Operations know only this contract, so a Store in memory and one on Redis differ in
 * nothing that a caller can see.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import type { ErrorInfo, RunNotFound, StoreUnavailable } from "./Errors.ts"
import type { Event } from "./Event.ts"
import * as MemoryStore from "./MemoryStore.ts"
import type { Plan } from "./Plan.ts"
import type { Run, RunStatus } from "./Run.ts"
import type { Json } from "./Value.ts"

/** A run to be started. */
export interface NewRun {
  readonly pipelineId: string
  readonly version: string
  readonly plan: Plan
  /** Checked against the pipeline's schemas by whoever submits. */
  readonly parameters: Readonly<Record<string, Json>>
  /** How long the run may take from now, in milliseconds; then it fails with `RunTimedOut`. */
  readonly timeoutMillis?: number | undefined
}

/** One attempt of one step, lent to a worker until the lease ends. */
export interface Claim {
  readonly runId: string
  readonly pipelineId: string
  readonly version: string
  readonly step: string
  readonly index: number
  /** 1 for the first attempt. */
  readonly attempt: number
  /** Proves that the lease is this worker's. A later claim of the step has another one. */
  readonly token: string
  /** The run's values so far, among them every input of the step. */
  readonly values: { readonly get: (name: string) => Json | undefined }
}

/** What a worker asks for. */
export interface ClaimRequest {
  readonly worker: string
  /** At most so many claims; at least 1. */
  readonly max: number
  /** The pipelines that this worker can run, as `Version.key`s. Read anew whenever work is handed out. */
  readonly versions: ReadonlySet<string>
  /** Called when the claim has to wait, with a way to end the waiting: then it gives nothing. */
  readonly onWait?: (giveUp: () => void) => void
}

/** How a claim ended. */
export type Outcome =
  | { readonly _tag: "Completed"; readonly outputs: Readonly<Record<string, Json>> }
  | { readonly _tag: "Failed"; readonly error: ErrorInfo }
  /** Given back unfinished; the step is ready again. */
  | { readonly _tag: "Released"; readonly reason: string }

/** The outcome of one claim. */
export interface Settlement {
  readonly claim: Claim
  readonly outcome: Outcome
}

/** What became of a batch of settlements. */
export interface Settled {
  /** Those whose token is stale; they changed nothing. */
  readonly refused: ReadonlyArray<Settlement>
  /** Work that was asked for along with them; none when none is ready. */
  readonly claims: ReadonlyArray<Claim>
}

/** Which runs to list. */
export interface ListRequest {
  readonly pipelineId?: string
  readonly status?: RunStatus
  /** At most so many, newest first. */
  readonly limit: number
}

/** Where runs live. */
export interface Store {
  /** How long a claim lasts unless renewed, in milliseconds. */
  readonly leaseMillis: number
  /** The longest value that is kept, in UTF-16 units of its JSON text. */
  readonly maxValueLength: number
  /** Records a new run, PENDING, and makes its first steps ready. Gives its id. */
  readonly submit: (run: NewRun) => Effect.Effect<string, StoreUnavailable>
  /** Waits until there is work for this worker, and lends it. Interrupting it loses nothing. */
  readonly claim: (request: ClaimRequest) => Effect.Effect<ReadonlyArray<Claim>, StoreUnavailable>
  /** Starts the leases anew. Gives the claims that are no longer the worker's. */
  readonly renew: (claims: ReadonlyArray<Claim>) => Effect.Effect<ReadonlyArray<Claim>, StoreUnavailable>
  /**
   * Records outcomes; each, in one act, releases the steps whose last input it was, or ends the run. A settlement
   * whose token is stale changes nothing. With a request, lends the work that is ready then: a worker that finishes
   * something gets its next thing in the same call.
   */
  readonly settle: (
    settlements: ReadonlyArray<Settlement>,
    request?: ClaimRequest
  ) => Effect.Effect<Settled, StoreUnavailable>
  /** Claims of the worker that were taken from it because their run is over, as that happens. */
  readonly revoked: (worker: string) => Stream.Stream<Claim, StoreUnavailable>
  /** Ends a run as CANCELLED. One that is over stays as it is. */
  readonly cancel: (runId: string, reason: string) => Effect.Effect<void, RunNotFound | StoreUnavailable>
  readonly get: (runId: string) => Effect.Effect<Run, RunNotFound | StoreUnavailable>
  /** The run once it is over. */
  readonly wait: (runId: string) => Effect.Effect<Run, RunNotFound | StoreUnavailable>
  /** Newest first. */
  readonly list: (request: ListRequest) => Effect.Effect<ReadonlyArray<Run>, StoreUnavailable>
  /** The run's events after sequence `after`, then new ones as they happen, each once and in order, to the terminal one. */
  readonly watch: (runId: string, after?: number) => Stream.Stream<Event, RunNotFound | StoreUnavailable>
  /** Succeeds when the Store answers. */
  readonly ping: Effect.Effect<void, StoreUnavailable>
  /** Waits for the runs that would be lost with this process. A Store that outlives it has none. */
  readonly drain: Effect.Effect<void>
}

/** The key of the Store service. */
export const Store: Context.Service<Store, Store> = Context.Service<Store>("levada/Store")

/** A Store in the memory of this process. Its unfinished runs are cancelled when the layer's scope closes. */
export const layerMemory = (options?: MemoryStore.Options): Layer.Layer<Store> =>
  Layer.effect(Store, MemoryStore.make(options))
