/** Operations that read parts of a run: its outline, one value, the items and the attempts of a step. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Guard, GuardError } from "../access/Guard.ts"
import * as Permit from "../access/Permit.ts"
import { type AttemptList, Attempts, type AttemptsRequest, invalid, page } from "../run/Attempts.ts"
import type { ItemList, ItemsRequest } from "../run/ItemList.ts"
import type { Outline } from "../run/Outline.ts"
import type { Store } from "../store/Store.ts"
import { type InvalidOption, type RunNotFound, StepNotFound, ValueNotFound } from "../values/Errors.ts"
import * as Name from "../values/Name.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import type { Caller } from "../values/Principal.ts"

/** The pipeline of the run that a list is about. */
interface OfPipeline {
  readonly pipelineId: string
}

/** Operations that read parts of a run. */
export interface RunReading {
  /**
   * Whether the caller may see the stacks of a run's errors, which have paths of the host: it needs `admin` on the run's
   * pipeline. Operations give errors with their stacks; adapters leave the stacks out for other callers.
   */
  readonly seesStacks: (caller: Caller, pipelineId: string, runId: string) => Effect.Effect<boolean>
  /** The current state of a run, with the sizes of its values in place of the values. */
  readonly outline: (caller: Caller, runId: string) => Effect.Effect<Outline, RunNotFound | GuardError>
  /** The JSON text of a parameter, a given value or an output of a run. */
  readonly value: (
    caller: Caller,
    runId: string,
    name: string
  ) => Effect.Effect<string, RunNotFound | ValueNotFound | GuardError>
  /**
   * The units of a step with items, as far as the Store keeps them: see `Store.items`. With a status, examines at most
   * 100,000 units.
   */
  readonly items: (
    caller: Caller,
    request: ItemsRequest
  ) => Effect.Effect<ItemList & OfPipeline, InvalidOption | RunNotFound | StepNotFound | GuardError>
  /**
   * The attempts of a step, in the order in which they began. Of a step with items: those that read its list, and the
   * attempts of items that failed or were lost, as far as the log has them: at most 1,000 that were retried or lost, and
   * 1,000 that failed for good.
   */
  readonly attempts: (
    caller: Caller,
    request: AttemptsRequest
  ) => Effect.Effect<AttemptList & OfPipeline, InvalidOption | RunNotFound | StepNotFound | GuardError>
}

/** How many parts of the list of units are examined for one answer. */
const MAX_PARTS = 200

/** The units of a status may be far apart, so that a part of the list has few of them. */
const search = (store: Store, request: ItemsRequest): ReturnType<Store["items"]> =>
  Effect.gen(function* () {
    let list = yield* store.items(request)
    for (let parts = 1; parts < MAX_PARTS && request.status !== undefined; parts++) {
      const { items, nextCursor: cursor } = list
      if (cursor === undefined || items.length >= request.limit) break
      // Values of many bytes may have ended a part early.
      if (items.length > 0 && request.isBare !== true) break
      const next = yield* store.items({ ...request, cursor, limit: request.limit - items.length })
      list = { ...next, items: [...items, ...next.items] }
    }
    return list
  })

/** Makes the operations that read parts of a run. */
export const make = (store: Store, guard: Guard): RunReading => ({
  seesStacks: (caller, pipelineId, runId) =>
    Effect.sync(() => guard.may(caller, { permission: "admin", pipelineId, runId })),
  outline: (caller, runId) => Permit.runOf(guard, caller, "read", runId, (id) => store.outline(id)),
  value: (caller, runId, name) =>
    Effect.gen(function* () {
      yield* Permit.forRun(store, guard, caller, "read", runId)
      const value = Name.isName(name) ? yield* store.value(runId, name) : undefined
      return value ?? (yield* new ValueNotFound(runId, name))
    }),
  items: (caller, request) =>
    Effect.gen(function* () {
      const unreadable = OptionCheck.required(OptionCheck.record, "request", request)
      if (unreadable !== undefined) return yield* unreadable
      const { runId, step } = request
      const pipelineId = yield* Permit.forRun(store, guard, caller, "read", runId)
      const list = yield* Effect.catchTag(search(store, request), "UnknownStep", () =>
        Effect.fail(new StepNotFound(runId, step))
      )
      return { ...list, pipelineId }
    }),
  attempts: (caller, request) =>
    Effect.gen(function* () {
      const unreadable = OptionCheck.required(OptionCheck.record, "request", request)
      if (unreadable !== undefined) return yield* unreadable
      const { runId, step } = request
      const { pipelineId, steps, sequence } = yield* Permit.runOf(guard, caller, "read", runId, (id) =>
        store.outline(id)
      )
      if (!steps.some(({ name }) => name === step)) return yield* new StepNotFound(runId, step)
      const mistake = invalid(request)
      if (mistake !== undefined) return yield* mistake
      const found = new Attempts(step)
      // Without the events that are recorded meanwhile: the stream of an unfinished run would not end.
      yield* Stream.runForEach(Stream.take(store.watch(runId, 0, true), sequence), (event) =>
        Effect.sync(() => found.add(event))
      )
      return { ...page(found.all, request), pipelineId }
    })
})
