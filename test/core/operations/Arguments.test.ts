/** Operations that are asked for nonsense, as JavaScript callers may ask: they return a failure, and neither throw nor die. */
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { Access, Levada, Operations, Pipeline, Principal, Store, Task } from "../../../adapters/promise/index.ts"
import { cases } from "../../cases.ts"

const double = Task.make("double", {
  input: { n: Schema.Number },
  output: { m: Schema.Number },
  run: ({ n }) => ({ m: 2 * n })
})
const pipeline = Pipeline.make("p", [double])
const secured = Access.secured({
  authenticators: [{ scheme: "Test", authenticate: () => undefined }],
  tokens: { make: () => ({ token: "t", digest: "d" }), digest: () => "d" }
})

/** Doors call these, with a visitor and a request of their own making. */
const OF_DOORS: ReadonlySet<string> = new Set(["enter", "permit"] satisfies ReadonlyArray<keyof Operations.Operations>)

/** A value of any type: what an argument may be, and what it may not be. */
const junk = fc.oneof(
  fc.constantFrom<unknown>("p", "x", "\ud800", null, undefined, 10n, Symbol("s"), () => 1, Object.create(null)),
  fc.record(
    {
      pipelineId: fc.anything(),
      runId: fc.anything(),
      limit: fc.anything(),
      minutes: fc.anything(),
      points: fc.anything(),
      id: fc.anything(),
      tasks: fc.anything(),
      given: fc.anything(),
      outputs: fc.anything(),
      parameters: fc.anything()
    },
    { requiredKeys: [] }
  ),
  fc.anything()
)

for (const access of [Access.open, secured]) {
  it.effect(`Operations return failures where access is ${access._tag}`, () =>
    Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const names = Object.keys(operations).filter(
        (name) => typeof operations[name as keyof typeof operations] === "function" && !OF_DOORS.has(name)
      )
      const run = Effect.runForkWith(yield* Effect.context<never>())
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.constantFrom(...names), fc.array(junk, { maxLength: 4 }), async (name, args) => {
            const operation = operations[name as keyof typeof operations] as (
              ...args: ReadonlyArray<unknown>
            ) => Effect.Effect<unknown> | Stream.Stream<unknown>
            const asked = operation(Principal.host, ...args)
            const effect = Effect.isEffect(asked) ? asked : Stream.runDrain(asked)
            const fiber = run(Effect.scoped(effect))
            // What waits for time, waits for ever here.
            await Promise.resolve()
            fiber.interruptUnsafe()
            const exit = await new Promise<Exit.Exit<unknown, unknown>>((resolve) => fiber.addObserver(resolve))
            if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) throw Cause.squash(exit.cause)
          }),
          { numRuns: cases(2_000) }
        )
      )
    }).pipe(
      Effect.provide(
        Levada.layer({ pipelines: [pipeline], access, worker: false }).pipe(
          Layer.provide([Store.layerMemory(), Logger.layer([])])
        )
      )
    )
  )
}

it.effect("an ACL that is none is refused, and changes nothing", () =>
  Effect.gen(function* () {
    const operations = yield* Operations.Operations
    for (const acl of [null, undefined, "admin", { read: "admin" }, { write: [] }]) {
      const failure = yield* Effect.flip(operations.setAcl(Principal.host, "p", acl as never))
      expect(failure._tag).toBe("InvalidOption")
    }
    expect((yield* operations.acl(Principal.host, "p")).source).toBe("none")
  }).pipe(
    Effect.provide(
      Levada.layer({ pipelines: [pipeline], access: secured, worker: false }).pipe(Layer.provide(Store.layerMemory()))
    )
  )
)
