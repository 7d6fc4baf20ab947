/** No rejection of Levada is without an owner, whatever tasks return and whatever a tracer does. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import * as fc from "fast-check"
import { afterEach } from "vitest"
import { Access, Levada, Pipeline, Step, Task } from "../../../adapters/promise/index.ts"
import { cases } from "../../cases.ts"

const closing: Array<Levada.Levada> = []
afterEach(async () => {
  for (const levada of closing.splice(0)) await levada.close()
})

const make = (
  pipelines: ReadonlyArray<Pipeline.Any>,
  options: { readonly telemetry?: Layer.Layer<never> } = {}
): Levada.Levada => {
  const levada = Levada.make({ pipelines, access: Access.open, ...options } as never) as Levada.Levada
  closing.push(levada)
  return levada
}

const N = Schema.Number

/** What a hostile thenable, or a Promise with a `then` of its own, does with those who wait for it. */
const HOW = ["twice", "then throws", "fails too", "at once", "throws"] as const

const thenable = (how: (typeof HOW)[number], isPromise: boolean, value: unknown): unknown => {
  const then = (ok: (value: unknown) => void, fail: (error: unknown) => void): void => {
    if (how === "throws") throw new Error("thrown by then")
    if (how === "at once") {
      ok(value)
      return
    }
    queueMicrotask(() => {
      ok(value)
      if (how === "twice") ok({ m: -1 })
      if (how === "fails too") fail(new Error("and failed"))
    })
    if (how === "then throws") throw new Error("thrown behind it")
  }
  // oxlint-disable-next-line unicorn/no-thenable -- what such a thing does is what is tested
  return isPromise ? Object.assign(Promise.resolve(value), { then }) : { then }
}

/** Which calls of a tracer throw. */
const TRACED = ["span", "attribute", "end"] as const

const throwing = (calls: ReadonlyArray<(typeof TRACED)[number]>) => {
  const fail = (call: (typeof TRACED)[number]): void => {
    if (calls.includes(call)) throw new Error(`the tracer's ${call} is broken`)
  }
  class Broken extends Tracer.NativeSpan {
    override attribute(key: string, value: unknown): void {
      fail("attribute")
      super.attribute(key, value)
    }
    override end(atNanos: bigint, exit: Parameters<Tracer.Span["end"]>[1]): void {
      fail("end")
      super.end(atNanos, exit)
    }
  }
  return Tracer.make({
    span: (options) => {
      fail("span")
      return new Broken(options)
    }
  })
}

describe("a rejection without an owner", () => {
  it("is made by no thenable that a task returns: the result counts once, or the step fails", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...HOW), fc.boolean()), { minLength: 1, maxLength: 6 }),
        async (ways) => {
          const task = Task.make("task", {
            input: { n: N },
            output: { m: N },
            run: ({ n }) => {
              const [how, isPromise] = ways[n]!
              return thenable(how, isPromise, { m: n }) as Promise<{ m: number }>
            }
          })
          // In one unit: what is told twice must not be taken for the next item's result.
          const pipeline = Pipeline.make("p", [Step.map(task, { over: { n: "ns" }, chunk: 10, onItemFailure: "skip" })])
          const levada = make([pipeline])
          const ns = ways.map((_, n) => n)
          const fails = (n: number): boolean => {
            const [how, isPromise] = ways[n]!
            return !isPromise && (how === "throws" || how === "then throws")
          }
          expect(await levada.execute(pipeline, { ns })).toEqual(ns.filter((n) => !fails(n)))
          await levada.close()
        }
      ),
      { numRuns: cases(40) }
    ))

  it.each([["span"], ["attribute"], ["end"], ["span", "attribute", "end"]] as const)(
    "is made by no tracer whose %s throws: runs complete, and that is logged once",
    async (...calls) => {
      const said: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message }) => {
        said.push([message].flat().map(String).join(" "))
      })
      const telemetry = Layer.mergeAll(Layer.succeed(Tracer.Tracer, throwing(calls)), Logger.layer([logger]))
      const tasks = [
        Task.make("plain", { input: { n: N }, output: { a: N }, run: ({ n }) => ({ a: n }) }),
        Task.make("promised", { input: { a: N }, output: { b: N }, run: async ({ a }) => ({ b: a }) }),
        Task.make("effectful", { input: { b: N }, output: { c: N }, run: ({ b }) => Effect.sync(() => ({ c: b })) })
      ] as const
      const pipeline = Pipeline.make("p", tasks)
      const levada = make([pipeline], { telemetry })
      const ns = Array.from({ length: 20 }, (_, n) => n)
      expect(await Promise.all(ns.map((n) => levada.execute(pipeline, { n })))).toEqual(ns)
      const { status } = await levada.fetch(new Request("http://127.0.0.1/pipelines"))
      expect(status).toBe(200)
      await levada.close()
      const about = said.filter((line) => line.includes("tracer"))
      expect(about.length).toBeGreaterThan(0)
      expect(about.length).toBeLessThanOrEqual(3)
    }
  )
})
