/** How a Levada begins and ends: what it can't be made of, and what becomes of what runs when it is closed. */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { Access, Levada, Operations, Pipeline, Task } from "../../adapters/promise/index.ts"
import { layerOver, within } from "./harness/Within.ts"

const N = Schema.Number

const double = Task.make("double", { input: { n: N }, output: { doubled: N }, run: ({ n }) => ({ doubled: n * 2 }) })
const sums = Pipeline.make("sums", [double])

describe("making one", () => {
  it.effect("two pipelines of one id are refused", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        Effect.void.pipe(within([sums, sums])) as Effect.Effect<void, { readonly _tag: string }>
      )
      expect(failure).toMatchObject({ _tag: "PipelineExists", pipelineId: "sums" })
    })
  )

  const schedule = Levada.schedule(sums, { id: "s", timing: { cron: "0 3 * * *" }, parameters: { n: 1 } })
  const cases = [
    [
      "a cron that can't be read",
      { ...schedule, timing: { cron: "whenever" } },
      { _tag: "InvalidCron", scheduleId: "s", message: expect.stringContaining('"whenever"') }
    ],
    [
      "a cron that never comes round",
      { ...schedule, timing: { cron: "0 0 30 2 *" } },
      { _tag: "ScheduleNeverFires", scheduleId: "s" }
    ],
    [
      "a pipeline that is not there",
      { ...schedule, pipelineId: "absent" },
      { _tag: "PipelineNotFound", pipelineId: "absent" }
    ]
  ] as const
  it.effect.each(cases)("with a schedule of %s is refused", ([, wrong, expected]) =>
    Effect.gen(function* () {
      const making = () => Levada.make({ pipelines: [sums], access: Access.open, schedules: [schedule, wrong] })
      expect(making).toThrow(expect.objectContaining(expected))
      const layered = Effect.void.pipe(within([sums], { schedules: [schedule, wrong] }))
      expect(yield* Effect.flip(layered)).toMatchObject(expected)
    })
  )
})

describe("closing", () => {
  it.live("finishes what runs, takes nothing new, and cancels what does not end in time", () => {
    const gate = Deferred.makeUnsafe<void>()
    const started = Deferred.makeUnsafe<void>()
    const interrupted: Array<string> = []
    const slow = Task.make("slow", {
      output: { x: N },
      run: () => Effect.andThen(Deferred.succeed(started, undefined), Effect.as(Deferred.await(gate), { x: 1 }))
    })
    const next = Task.make("next", { input: { x: N }, output: { y: N }, run: ({ x }) => ({ y: x + 1 }) })
    const two = Pipeline.make("two", [slow, next])
    const stubborn = Pipeline.make("stubborn", [
      Task.make("never", {
        output: { x: N },
        run: () =>
          Effect.as(Effect.never, { x: 1 }).pipe(Effect.onInterrupt(() => Effect.sync(() => interrupted.push("never"))))
      })
    ])
    return Effect.gen(function* () {
      const levada = Levada.make({ pipelines: [two, stubborn], access: Access.open, worker: { graceMillis: 200 } })
      const finishing = levada.execute(two, {})
      const hopeless = levada.execute(stubborn, {}).catch((error: unknown) => error)
      yield* Deferred.await(started)
      const closing = levada.close()
      const refused = yield* Effect.promise(() => levada.execute(two, {}).catch((error: unknown) => error))
      expect(refused).toMatchObject({ _tag: "StoreUnavailable" })
      yield* Deferred.succeed(gate, undefined)
      expect(yield* Effect.promise(() => finishing)).toBe(2)
      expect(yield* Effect.promise(() => hopeless)).toMatchObject({ _tag: "RunCancelled" })
      yield* Effect.promise(() => closing)
      expect(interrupted).toEqual(["never"])
    })
  })

  it.effect("ends its health: nobody is told that it can be used", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { ping } = Context.get(yield* Layer.buildWithScope(layerOver([sums]), scope), Operations.Operations)
      yield* ping
      yield* Scope.close(scope, Exit.void)
      expect(yield* Effect.flip(ping)).toMatchObject({ _tag: "StoreUnavailable" })
    })
  )

  it.live("is told over HTTP as well", () =>
    Effect.promise(async () => {
      const levada = Levada.make({ pipelines: [sums], access: Access.open })
      const health = async () => {
        const response = await levada.fetch(new Request("http://localhost/health"))
        return [response.status, await response.json()]
      }
      expect(await health()).toMatchObject([200, { status: "healthy", broker_connected: true }])
      await levada.close()
      expect(await health()).toMatchObject([503, { status: "unhealthy", broker_connected: false }])
    })
  )
})
