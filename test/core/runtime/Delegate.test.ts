/** Services that are instances of classes, with methods on their prototypes that need `this`: they work wherever they are wrapped. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import * as fc from "fast-check"
import { Access, Levada, Operations, Pipeline, type Principal, Store, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"
import { replacing } from "../../../core/runtime/Delegate.ts"

const N = Schema.Number

/** A Store whose members are all on its prototype, and reach the real one through a private field. */
const classed = (inner: Store.Store): Store.Store => {
  class Classed {
    readonly #inner: Store.Store = inner
    read(key: keyof Store.Store): unknown {
      return this.#inner[key]
    }
  }
  for (const key of Object.keys(inner) as Array<keyof Store.Store>) {
    if (typeof inner[key] === "function") {
      Object.defineProperty(Classed.prototype, key, {
        value: function (this: Classed, ...args: ReadonlyArray<unknown>) {
          return (this.read(key) as (...args: ReadonlyArray<unknown>) => unknown)(...args)
        }
      })
    } else {
      Object.defineProperty(Classed.prototype, key, {
        get: function (this: Classed) {
          return this.read(key)
        }
      })
    }
  }
  return new Classed() as unknown as Store.Store
}

describe("a Store that is a class", () => {
  const double = Task.make("double", { input: { n: N }, output: { m: N }, run: ({ n }) => ({ m: 2 * n }) })
  const pipeline = Pipeline.make("p", [double])
  const layer = Layer.effect(Store.Store, Effect.map(Store.Store, classed)).pipe(Layer.provide(Store.layerMemory()))
  const tracer = Layer.succeed(Tracer.Tracer, Tracer.make({ span: (options) => new Tracer.NativeSpan(options) }))

  for (const [how, telemetry] of [
    ["plain", undefined],
    ["traced", tracer]
  ] as const) {
    it(`does all that is asked of it, ${how}`, async () => {
      const levada = Levada.make({
        pipelines: [pipeline],
        access: Access.open,
        store: layer,
        schedules: [Levada.schedule(pipeline, { id: "s", timing: { everyMillis: 3_600_000 }, parameters: { n: 1 } })],
        ...(telemetry && { telemetry })
      })
      expect(await levada.execute(pipeline, { n: 3 })).toBe(6)
      const runId = await levada.start(pipeline, { n: 4 }, { delayMillis: 60_000 })
      await levada.pause("p")
      await levada.cancel(runId, "enough")
      expect((await levada.run(runId)).reason).toBe("enough")
      await levada.remove(runId)
      await levada.resume("p")
      expect((await levada.runs()).runs).toHaveLength(1)
      expect((await levada.schedules()).map(({ id }) => id)).toEqual(["s"])
      expect((await levada.statistics("p")).pipelineId ?? "p").toBe("p")
      expect((await levada.fetch(new Request("http://localhost/health/ready"))).status).toBe(200)
      await levada.close()
    })
  }
})

describe("a principal that is a class", () => {
  class User {
    readonly #name = "ada"
    get id(): string {
      return this.#name
    }
    get roles(): ReadonlyArray<string> {
      return ["viewer"]
    }
    get grants(): ReadonlyArray<Principal.Grant> {
      return [{ pipelines: ["*"], permissions: ["read"] }]
    }
  }

  it("is itself in the tokens that it gets", async () => {
    const access = Access.secured({
      authenticators: [
        { scheme: "Test", authenticate: ({ apiKey }) => (apiKey === undefined ? undefined : new User()) }
      ],
      tokens: { make: () => ({ token: "t", digest: "d" }), digest: (token) => (token === "t" ? "d" : undefined) }
    })
    const pipeline = Pipeline.make("p", [Task.make("t", { run: () => ({}) })])
    const visitor = {
      address: undefined,
      requestId: undefined,
      operation: "test",
      secure: true,
      header: () => undefined
    }
    await Effect.runPromise(
      Effect.gen(function* () {
        const operations = yield* Operations.Operations
        const caller = yield* operations.enter({ ...visitor, apiKey: "x", bearer: undefined }, "read")
        yield* operations.issueToken(caller, { pipelineId: "p" })
        const again = yield* operations.enter({ ...visitor, apiKey: undefined, bearer: "t" }, "read")
        expect(again.principal).toMatchObject({ id: "Test:ada", roles: ["viewer"], narrowed: { pipelineId: "p" } })
        expect((yield* operations.pipelines(again)).map((each) => each.pipeline.id)).toEqual(["p"])
      }).pipe(
        Effect.provide(Levada.layer({ pipelines: [pipeline], access }).pipe(Layer.provide(Store.layerMemory()))),
        Effect.scoped
      ) as Effect.Effect<void>
    )
  })
})

describe("a replacement that is a class", () => {
  it("keeps its methods in the testing kit", async () => {
    const fetchPage = Task.make("fetch", { output: { page: Schema.String }, run: () => ({ page: "real" }) })
    class Fake {
      readonly task = "fetch"
      readonly #page = "fake"
      run(): { page: string } {
        return { page: this.#page }
      }
    }
    const pipeline = Pipeline.make("p", [fetchPage])
    const testing = await Testing.make({ pipelines: [pipeline], replace: [new Fake()] })
    expect((await testing.run(pipeline, {})).result).toBe("fake")
    await testing.close()
  })
})

describe("replacing", () => {
  it("shows every member of the original but those that are replaced, frozen or not", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ maxLength: 5 }), fc.integer()),
        fc.dictionary(fc.string({ maxLength: 5 }), fc.integer()),
        fc.boolean(),
        (members, own, isFrozen) => {
          const original: Record<string, unknown> = Object.create({ inherited: 1 })
          for (const key of Object.keys(members)) {
            Object.defineProperty(original, key, { value: () => [key, members[key]], enumerable: true })
          }
          if (isFrozen) Object.freeze(original)
          const both = replacing(original, own)
          for (const key of Object.keys(members)) {
            const expected = Object.hasOwn(own, key) ? own[key] : [key, members[key]]
            const member = both[key]
            expect(typeof member === "function" ? member() : member).toEqual(expected)
          }
          for (const key of Object.keys(own)) expect(both[key]).toBe(own[key])
          expect("inherited" in both).toBe(true)
        }
      )
    )
  })
})
