/** All operations, each with its permission. They know nothing of HTTP. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type EntryError, Guard } from "../access/Guard.ts"
import * as Permit from "../access/Permit.ts"
import { Registry } from "../registry/Registry.ts"
import * as Tracing from "../runtime/Tracing.ts"
import { AuditLog } from "../store/AuditLog.ts"
import { Store } from "../store/Store.ts"
import { Tokens } from "../store/Tokens.ts"
import * as TracedStore from "../store/TracedStore.ts"
import { StoreUnavailable } from "../values/Errors.ts"
import type { Caller, Permission, Visitor } from "../values/Principal.ts"
import * as AccessOperations from "./AccessOperations.ts"
import * as BulkOperations from "./BulkOperations.ts"
import * as PipelineOperations from "./PipelineOperations.ts"
import * as RunOperations from "./RunOperations.ts"
import * as RunReading from "./RunReading.ts"
import * as ScheduleOperations from "./ScheduleOperations.ts"
import * as StatisticsOperations from "./StatisticsOperations.ts"
import * as WorkerOperations from "./WorkerOperations.ts"

export type { Member, Members, Selection } from "./BulkOperations.ts"
export type { RetryError, StartError, WaitError } from "./RunOperations.ts"
export type { NewSchedule } from "./ScheduleOperations.ts"

/** All operations. Each takes its caller first; the host program's caller is `Principal.host`. */
export interface Operations
  extends PipelineOperations.PipelineOperations,
    RunOperations.RunOperations,
    BulkOperations.BulkOperations,
    RunReading.RunReading,
    ScheduleOperations.ScheduleOperations,
    AccessOperations.AccessOperations,
    StatisticsOperations.StatisticsOperations,
    WorkerOperations.WorkerOperations {
  /** Authenticates a visitor that requests an operation with this permission. Every adapter calls it first. */
  readonly enter: (visitor: Visitor, permission: Permission) => Effect.Effect<Caller, EntryError>
  /** Authorises a request that can't be decoded, before its mistake is reported. */
  readonly permit: Permit.Permit
  /** Succeeds when the Store answers. Needs no permission. */
  readonly ping: Effect.Effect<void, StoreUnavailable>
  /** Succeeds when the Store answers and the program is not shutting down. Needs no permission. */
  readonly ready: Effect.Effect<void, StoreUnavailable>
}

/** The key of the Operations service. */
export const Operations: Context.Service<Operations, Operations> = Context.Service<Operations>("levada/Operations")

/** The operations. Once the layer's scope begins to close, new runs and schedules fail with `StoreUnavailable`. */
export const layer: Layer.Layer<Operations, never, Store | Registry | Guard | AuditLog | Tokens> = Layer.effect(
  Operations,
  Effect.gen(function* () {
    const tracing = yield* Tracing.find
    const untraced = yield* Store
    const store = tracing === undefined ? untraced : TracedStore.make(untraced, tracing, yield* Effect.scope)
    const guard = yield* Guard
    const parts = [store, yield* Registry, guard] as const
    let isClosing = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosing = true
      })
    )
    const shutdown = () =>
      isClosing ? new StoreUnavailable("No new run or schedule is accepted: the program is shutting down") : undefined
    const runs = RunOperations.make(...parts, shutdown)
    return {
      enter: (visitor, permission) => guard.enter(visitor, permission),
      permit: Permit.make(...parts),
      ping: store.ping,
      ready: Effect.suspend(() => shutdown() ?? store.ping),
      ...PipelineOperations.make(...parts),
      ...runs,
      ...BulkOperations.make(store, guard, runs),
      ...RunReading.make(store, guard),
      ...ScheduleOperations.make(...parts, shutdown),
      ...AccessOperations.make(...parts, yield* AuditLog, yield* Tokens),
      ...(yield* StatisticsOperations.make(...parts)),
      ...(yield* WorkerOperations.make(store, guard))
    }
  })
)
