/** What the suites do with a Store: submit plans, play the worker, look. */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Pipeline from "../../../../core/PipelineModule.ts"
import type * as Plan from "../../../../core/pipeline/Plan.ts"
import * as Version from "../../../../core/pipeline/Version.ts"
import type { NewRun } from "../../../../core/run/NewRun.ts"
import * as Run from "../../../../core/run/Run.ts"
import { Store } from "../../../../core/store/Store.ts"
import type { Claim, Outcome } from "../../../../core/store/Work.ts"
import * as Task from "../../../../core/task/Task.ts"
import type { Limit } from "../../../../core/values/Limit.ts"

/** How a suite wants its Store. */
export interface Wanted {
  /** Leases this short let a suite see one end without waiting long. */
  readonly leaseMillis: number
  /** Default: the Store's. */
  readonly maxValueBytes?: number
}

/** A way to build a Store. */
export type Build = (wanted: Wanted) => Layer.Layer<Store, unknown>

/** Declares a test with a Store of its own. */
export type Declare = (title: string, body: Effect.Effect<void, unknown, Store | Scope.Scope>) => void

/** How long a short lease lasts, in milliseconds. */
export const LEASE = 300

/** How long a lease lasts where very many of them end, in milliseconds. */
export const SHORT = 40

/** How long a value may be where the bound is low, in bytes. */
export const SMALL = 1_000

/** Tests with leases that end while they look, tests with leases that do not, and those of these with a low bound for values. */
export const declaring = (build: Build): Readonly<Record<"test" | "testLong" | "testSmall" | "testShort", Declare>> => {
  const declare =
    (wanted: Wanted): Declare =>
    (title, body) =>
      it.live(title, () => Effect.scoped(body).pipe(Effect.provide(build(wanted))))
  const leaseMillis = 60_000
  return {
    test: declare({ leaseMillis: LEASE }),
    testLong: declare({ leaseMillis }),
    testShort: declare({ leaseMillis: SHORT }),
    testSmall: declare({ leaseMillis, maxValueBytes: SMALL })
  }
}

export const PIPELINE = "p"
export const VERSION = "v1"
export const mine = new Set([Version.key(PIPELINE, VERSION)])

/** A plan from what each step needs. */
export const planOf = (needs: Readonly<Record<string, ReadonlyArray<string>>>): Plan.Plan =>
  Pipeline.make(
    PIPELINE,
    Object.entries(needs).map(([name, needed]) =>
      Task.make(name, {
        input: Object.fromEntries(needed.map((other) => [other, Schema.Unknown])),
        output: { [name]: Schema.Unknown },
        run: () => ({})
      })
    ) as ReadonlyArray<Task.Any>
  ).plan

export const single = planOf({ a: [] })
export const chain = planOf({ a: [], b: ["a"], c: ["b"] })
export const diamond = planOf({ a: [], b: ["a"], c: ["a"], d: ["b", "c"] })

/** The plan with limits for each of its steps. */
export const limited = (plan: Plan.Plan, ...limits: ReadonlyArray<Limit>): Plan.Plan => ({
  ...plan,
  steps: plan.steps.map((step) => ({ ...step, limits }))
})

export const newRun = (plan: Plan.Plan, more: Partial<NewRun> = {}): NewRun => ({
  pipelineId: PIPELINE,
  version: VERSION,
  plan,
  parameters: {},
  ...more
})

export const done = (outputs: Readonly<Record<string, string>> = {}): Outcome => ({ _tag: "Completed", outputs })
export const stopped: Outcome = { _tag: "Released", reason: "it has stopped" }
export const broken: Outcome = { _tag: "Failed", error: { name: "TaskFailed", message: "it broke", step: "a" } }

export const claim = (max = 10, worker = "w1", versions: ReadonlySet<string> = mine) =>
  Effect.flatMap(Store, (store) => store.claim({ worker, max, versions }))

/** Settles, and gives what was refused. */
export const settle = (...settlements: ReadonlyArray<readonly [Claim, Outcome]>) =>
  Effect.flatMap(Store, (store) =>
    Effect.map(
      store.settle(settlements.map(([claimed, outcome]) => ({ claim: claimed, outcome }))),
      ({ refused }) => refused
    )
  )

export const runsOf = (claims: ReadonlyArray<Claim>): ReadonlyArray<string> => claims.map(({ runId }) => runId)

export const names = (claims: ReadonlyArray<Claim>): ReadonlyArray<string> =>
  claims.map((claimed) => claimed.step).sort()

/** Claims and completes until the run is over. */
export const finish = (runId: string) =>
  Effect.gen(function* () {
    const store = yield* Store
    while (!Run.isTerminal((yield* store.get(runId)).status)) {
      yield* settle(...(yield* claim()).map((claimed) => [claimed, done()] as const))
    }
    return yield* store.get(runId)
  })

/** The plan of a pipeline that the suites make of tasks and steps. */
export const planFrom = (...entries: ReadonlyArray<unknown>): Plan.Plan =>
  Pipeline.make(PIPELINE, entries as never).plan

/** Whether there is nothing to be lent now. */
export const nothing = (worker = "w9") =>
  Effect.gen(function* () {
    const waiting = yield* Effect.forkChild(claim(1, worker), { startImmediately: true })
    yield* Effect.sleep(15)
    const isNothing = waiting.pollUnsafe() === undefined
    yield* Fiber.interrupt(waiting)
    return isNothing
  })

/** Claims one thing, by name. */
export const claimOne = (step: string, worker = "w1") =>
  Effect.map(claim(1, worker), ([claimed]) => {
    if (claimed?.step !== step) throw new Error(`Expected to be lent '${step}', received '${claimed?.step}'`)
    return claimed
  })
