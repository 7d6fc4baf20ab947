/** Everything that a caller may ask for, each with its permission. There is no HTTP in here. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type EntryError, Guard } from "../access/Guard.ts"
import * as Permit from "../access/Permit.ts"
import { Registry } from "../registry/Registry.ts"
import * as Tracing from "../runtime/Tracing.ts"
import { Store } from "../store/Store.ts"
import * as TracedStore from "../store/TracedStore.ts"
import { StoreUnavailable } from "../values/Errors.ts"
import type { Caller, Permission, Visitor } from "../values/Principal.ts"
import * as AccessOperations from "./AccessOperations.ts"
import * as PipelineOperations from "./PipelineOperations.ts"
import * as RunOperations from "./RunOperations.ts"
import * as ScheduleOperations from "./ScheduleOperations.ts"
import * as StatisticsOperations from "./StatisticsOperations.ts"

export type { RetryError, StartError, WaitError } from "./RunOperations.ts"
export type { NewSchedule } from "./ScheduleOperations.ts"

/** What a caller may ask for. */
export interface Operations
  extends PipelineOperations.PipelineOperations,
    RunOperations.RunOperations,
    ScheduleOperations.ScheduleOperations,
    AccessOperations.AccessOperations,
    StatisticsOperations.StatisticsOperations {
  /** Lets a visitor in who wants to do something of that kind. Every door asks this first; the program itself is `host`. */
  readonly enter: (visitor: Visitor, permission: Permission) => Effect.Effect<Caller, EntryError>
  /** Asks the guard for a request that can't be read, as the operation would: what is wrong with it is for later. */
  readonly permit: Permit.Permit
  /** Succeeds when the Store answers. For everybody. */
  readonly ping: Effect.Effect<void, StoreUnavailable>
  /** Succeeds when the Store answers and something new would be taken. For everybody. */
  readonly ready: Effect.Effect<void, StoreUnavailable>
}

/** The key of the Operations service. */
export const Operations: Context.Service<Operations, Operations> = Context.Service<Operations>("levada/Operations")

/** The operations over a Store, a Registry and a Guard. Once the layer's scope begins to close, no run and no schedule is taken. */
export const layer: Layer.Layer<Operations, never, Store | Registry | Guard> = Layer.effect(
  Operations,
  Effect.gen(function* () {
    const tracing = yield* Tracing.find
    const plain = yield* Store
    const store = tracing === undefined ? plain : TracedStore.make(plain, tracing, yield* Effect.scope)
    const parts = [store, yield* Registry, yield* Guard] as const
    let closing = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closing = true
      })
    )
    const closed = () =>
      closing ? new StoreUnavailable("Nothing new is taken: the program is shutting down") : undefined
    return {
      enter: parts[2].enter,
      permit: Permit.make(...parts),
      ping: parts[0].ping,
      ready: Effect.suspend(() => closed() ?? parts[0].ping),
      ...PipelineOperations.make(...parts),
      ...RunOperations.make(...parts, closed),
      ...ScheduleOperations.make(...parts, closed),
      ...AccessOperations.make(...parts),
      ...(yield* StatisticsOperations.make(...parts))
    }
  })
)
