import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import {
  Access,
  Levada,
  Operations,
  Parameters,
  Pipeline,
  Principal,
  Store,
  Task
} from "../../adapters/promise/index.ts"
import { withLevada } from "./harness/WithLevada.ts"

const N = Schema.Number
const S = Schema.String

const double = Task.make("double", { input: { n: N }, output: { doubled: N }, run: ({ n }) => ({ doubled: n * 2 }) })
const plusOne = Task.make("plusOne", {
  input: { n: N },
  output: { increased: N },
  run: async ({ n }) => ({ increased: n + 1 })
})
const sum = Task.make("sum", {
  input: { doubled: N, increased: N },
  output: { total: N },
  run: ({ doubled, increased }) => Effect.succeed({ total: doubled + increased })
})
const sums = Pipeline.make("sums", [sum, plusOne, double])

describe("Levada", () => {
  it.effect("runs a graph of plain functions, Promises and Effects", () =>
    Effect.gen(function* () {
      expect(yield* Levada.execute(sums, { n: 5 })).toBe(16)
    }).pipe(withLevada([sums]))
  )

  it.effect("1,000 concurrent runs of one pipeline never mix", () =>
    Effect.gen(function* () {
      const results = yield* Effect.forEach(
        Array.from({ length: 1_000 }, (_, n) => n),
        (n) => Levada.execute(sums, { n }),
        { concurrency: "unbounded" }
      )
      expect(results).toEqual(Array.from({ length: 1_000 }, (_, n) => 3 * n + 1))
    }).pipe(withLevada([sums]))
  )

  it.effect(
    "the result is a record when no step takes several of the outputs, and its values have the tasks' own types",
    () => {
      const day = Task.make("day", {
        input: { at: Schema.Date },
        output: { next: Schema.Date },
        run: ({ at }) => ({ next: new Date(at.getTime() + 86_400_000) })
      })
      const year = Task.make("year", {
        input: { at: Schema.Date },
        output: { year: N },
        run: ({ at }) => ({ year: at.getUTCFullYear() })
      })
      const dates = Pipeline.make("dates", [day, year])
      return Effect.gen(function* () {
        const result = yield* Levada.execute(dates, { at: new Date("2026-12-31T00:00:00Z") })
        expect(result.next).toEqual(new Date("2027-01-01T00:00:00Z"))
        expect(result.year).toBe(2026)
      }).pipe(withLevada([dates]))
    }
  )

  it.effect("an optional input gets the value that exists, or its default, or is left out", () => {
    const seen: Array<unknown> = []
    const look = Task.make("look", {
      input: {
        maybe: Schema.optionalKey(N),
        standard: N.pipe(Schema.withDecodingDefaultKey(Effect.succeed(7))),
        made: Schema.optionalKey(S)
      },
      output: { ok: Schema.Boolean },
      run: (inputs) => {
        seen.push(inputs)
        return { ok: true }
      }
    })
    const make = Task.make("make", {
      input: { give: Schema.Boolean },
      output: { made: Schema.optionalKey(S) },
      run: ({ give }) => (give ? { made: "yes" } : {})
    })
    const optional = Pipeline.make("optional", [look, make])
    return Effect.gen(function* () {
      yield* Levada.execute(optional, { give: true, maybe: 1, standard: 2 })
      yield* Levada.execute(optional, { give: false })
      expect(seen).toEqual([{ maybe: 1, standard: 2, made: "yes" }, { standard: 7 }])
    }).pipe(withLevada([optional]))
  })

  it.effect("a task cannot change a value that another task reads", () => {
    const list = Task.make("list", { output: { items: Schema.Array(N) }, run: () => ({ items: [1, 2, 3] }) })
    const greedy = Task.make("greedy", {
      input: { items: Schema.Array(N) },
      output: { count: N },
      run: ({ items }) => ({ count: (items as Array<number>).push(4) })
    })
    const modest = Task.make("modest", {
      input: { items: Schema.Array(N), count: N },
      output: { seen: Schema.Array(N) },
      run: ({ items }) => ({ seen: items })
    })
    const pipeline = Pipeline.make("greedy", [list, greedy, modest])
    return Effect.gen(function* () {
      expect(yield* Levada.execute(pipeline, {})).toEqual([1, 2, 3])
    }).pipe(withLevada([pipeline]))
  })

  it.effect("a step starts when its own inputs exist, while slower ones of an earlier level still run", () => {
    const gate = Deferred.makeUnsafe<void>()
    const slow = Task.make("slow", {
      output: { slow: S },
      run: () => Effect.as(Deferred.await(gate), { slow: "done" })
    })
    const fast = Task.make("fast", { output: { fast: S }, run: () => ({ fast: "done" }) })
    const after = Task.make("after", {
      input: { fast: S },
      output: { after: S },
      run: () => Effect.as(Deferred.succeed(gate, undefined), { after: "done" })
    })
    const pipeline = Pipeline.make("eager", [slow, fast, after])
    return Effect.gen(function* () {
      // Were levels a barrier, `after` would wait for `slow`, which waits for `after`.
      expect(yield* Levada.execute(pipeline, {})).toEqual({ slow: "done", after: "done" })
    }).pipe(withLevada([pipeline]))
  })

  it.effect("two independent tasks run at the same time", () => {
    const meets = Task.make("meets", {
      output: { first: S },
      run: () => Effect.as(Effect.andThen(Deferred.succeed(one, undefined), Deferred.await(other)), { first: "met" })
    })
    const met = Task.make("met", {
      output: { second: S },
      run: async () => {
        await Effect.runPromise(Effect.andThen(Deferred.succeed(other, undefined), Deferred.await(one)))
        return { second: "met" }
      }
    })
    const one = Deferred.makeUnsafe<void>()
    const other = Deferred.makeUnsafe<void>()
    const pipeline = Pipeline.make("meeting", [meets, met])
    return Effect.gen(function* () {
      // Each of the two waits until the other one has begun.
      expect(yield* Levada.execute(pipeline, {})).toEqual({ first: "met", second: "met" })
      const { runs } = yield* Operations.Operations.use((operations) => operations.runs(Principal.host, { limit: 1 }))
      const [left, right] = runs[0]!.steps
      expect(Math.max(left!.startedAtMillis!, right!.startedAtMillis!)).toBeLessThanOrEqual(
        Math.min(left!.completedAtMillis!, right!.completedAtMillis!)
      )
    }).pipe(withLevada([pipeline]))
  })

  it.effect("the limit of concurrent steps is reached and never exceeded", () => {
    let running = 0
    let most = 0
    const tasks = Array.from({ length: 50 }, (_, at) =>
      Task.make(`t${at}`, {
        output: { [`v${at}`]: N },
        run: async () => {
          most = Math.max(most, ++running)
          await Promise.resolve()
          await new Promise((resolve) => setTimeout(resolve, 1))
          running--
          return { [`v${at}`]: at }
        }
      })
    )
    const pipeline = Pipeline.make("wide", tasks)
    return Effect.gen(function* () {
      yield* Levada.execute(pipeline, {})
      expect(most).toBe(7)
    }).pipe(withLevada([pipeline], { worker: { concurrency: 7 } }))
  })

  it.effect("a failure names the task and keeps its cause, however it was raised", () => {
    class Unhappy extends Error {
      override readonly name = "Unhappy"
    }
    const ways = {
      thrown: () => {
        throw new Unhappy("no luck", { cause: new TypeError("deep down") })
      },
      rejected: () => Promise.reject(new Unhappy("no luck", { cause: new TypeError("deep down") })),
      failed: () => Effect.fail(new Unhappy("no luck", { cause: new TypeError("deep down") })),
      died: () => Effect.die(new Unhappy("no luck", { cause: new TypeError("deep down") }))
    }
    const HERE = expect.stringMatching(/^at .*Levada\.test\.ts:\d+/)
    const pipelines = Object.entries(ways).map(([name, run]) =>
      Pipeline.make(name, [Task.make("work", { output: { x: N }, run: run as () => { x: number } })])
    )
    return Effect.gen(function* () {
      for (const pipeline of pipelines) {
        const failure = yield* Effect.flip(Levada.execute(pipeline, {}))
        expect(failure, pipeline.id).toMatchObject({ _tag: "RunFailed", step: "work", pipelineId: pipeline.id })
        expect(failure.message).toBe("Task 'work' failed: no luck")
        if (failure._tag !== "RunFailed") throw failure
        expect(failure.error).toEqual({
          name: "TaskFailed",
          message: "Task 'work' failed: no luck",
          step: "work",
          cause: {
            name: "Unhappy",
            message: "no luck",
            stack: HERE,
            cause: { name: "TypeError", message: "deep down", stack: HERE }
          }
        })
      }
    }).pipe(withLevada(pipelines))
  })

  it.effect("a failure interrupts the running steps: finalizers run, and signals fire", () => {
    const events: Array<string> = []
    const started = Deferred.makeUnsafe<void>()
    const both = Deferred.makeUnsafe<void>()
    const note = (event: string) => {
      events.push(event)
      if (events.length === 2) Deferred.doneUnsafe(both, Effect.void)
    }
    const fiber = Task.make("fiber", {
      output: { a: N },
      run: () =>
        Effect.as(Effect.never, { a: 1 }).pipe(Effect.onInterrupt(() => Effect.sync(() => note("interrupted"))))
    })
    const promise = Task.make("promise", {
      output: { b: N },
      run: (_, { signal }) =>
        new Promise<{ b: number }>((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            note("aborted")
            reject(signal.reason)
          })
          Deferred.doneUnsafe(started, Effect.void)
        })
    })
    const fails = Task.make("fails", {
      output: { c: N },
      run: () => Effect.andThen(Deferred.await(started), Effect.fail("no"))
    })
    const pipeline = Pipeline.make("failing", [fiber, promise, fails])
    return Effect.gen(function* () {
      expect(yield* Effect.flip(Levada.execute(pipeline, {}))).toMatchObject({ _tag: "RunFailed", step: "fails" })
      yield* Deferred.await(both)
      expect(events.sort()).toEqual(["aborted", "interrupted"])
    }).pipe(withLevada([pipeline]))
  })

  it.effect("names of Object.prototype are ordinary names", () => {
    const odd = Task.make("toString", {
      input: { constructor: S },
      output: { valueOf: S, hasOwnProperty: S },
      run: (inputs) => ({ valueOf: inputs.constructor, hasOwnProperty: "own" })
    })
    const pipeline = Pipeline.make("constructor", [odd])
    return Effect.gen(function* () {
      expect(yield* Levada.execute(pipeline, { constructor: "x" })).toEqual({ valueOf: "x", hasOwnProperty: "own" })
      const operations = yield* Operations.Operations
      expect(
        yield* Effect.flip(operations.start(Principal.host, "constructor", Parameters.fromJson({})))
      ).toMatchObject({ problems: [{ path: ["parameters", "constructor"] }] })
    }).pipe(withLevada([pipeline]))
  })

  it.effect("a caller can stop waiting for a run, and the run goes on", () => {
    const gate = Deferred.makeUnsafe<void>()
    const slow = Pipeline.make("slow", [
      Task.make("slow", { output: { x: N }, run: () => Effect.as(Deferred.await(gate), { x: 1 }) })
    ])
    return Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const runId = yield* Levada.start(slow, {})
      const waiting = yield* Effect.forkChild(Effect.flip(operations.wait(Principal.host, runId, 5_000)), {
        startImmediately: true
      })
      yield* TestClock.adjust(5_000)
      expect(yield* Fiber.join(waiting)).toMatchObject({ _tag: "WaitTimedOut", runId, waitMillis: 5_000 })
      yield* Deferred.succeed(gate, undefined)
      expect((yield* operations.wait(Principal.host, runId)).outputs).toEqual({ x: "1" })
    }).pipe(withLevada([slow]))
  })

  it.effect("a run has a time limit, set by its pipeline or by its caller", () => {
    const never = Task.make("never", { output: { x: N }, run: () => Effect.as(Effect.never, { x: 1 }) })
    const limited = Pipeline.make("limited", [never], { timeoutMillis: 60_000 })
    return Effect.gen(function* () {
      for (const [options, millis] of [
        [undefined, 60_000],
        [{ timeoutMillis: 1_000 }, 1_000]
      ] as const) {
        const waiting = yield* Effect.forkChild(Effect.flip(Levada.execute(limited, {}, options)), {
          startImmediately: true
        })
        yield* TestClock.adjust(millis - 1)
        expect(waiting.pollUnsafe()).toBeUndefined()
        yield* TestClock.adjust(1)
        expect(yield* Fiber.join(waiting)).toMatchObject({ _tag: "RunFailed", error: { name: "RunTimedOut" } })
      }
    }).pipe(withLevada([limited]))
  })

  it.effect("a long step keeps its lease", () => {
    const gate = Deferred.makeUnsafe<void>()
    const slow = Pipeline.make("slow", [
      Task.make("slow", { output: { x: N }, run: (_, { attempt }) => Effect.as(Deferred.await(gate), { x: attempt }) })
    ])
    return Effect.gen(function* () {
      const running = yield* Effect.forkChild(Levada.execute(slow, {}), { startImmediately: true })
      yield* TestClock.adjust("10 minutes")
      yield* Deferred.succeed(gate, undefined)
      expect(yield* Fiber.join(running)).toBe(1)
    }).pipe(withLevada([slow]))
  })

  it.effect("tasks get the services that their Effects require", () => {
    class Greeting extends Context.Service<Greeting, { readonly word: string }>()("test/Greeting") {}
    const greet = Task.make("greet", {
      input: { name: S },
      output: { text: S },
      run: ({ name }) => Effect.map(Greeting, ({ word }) => ({ text: `${word} ${name}` }))
    })
    const greeting = Pipeline.make("greeting", [greet])
    return Effect.gen(function* () {
      expect(yield* Levada.execute(greeting, { name: "you" })).toBe("hello you")
    }).pipe(
      Effect.provide(
        Levada.layer({ pipelines: [greeting], access: Access.open }).pipe(
          Layer.provide([Store.layerMemory(), Layer.succeed(Greeting, { word: "hello" })])
        )
      )
    )
  })

  it.effect("status, results and history are read from the run's event log", () =>
    Effect.gen(function* () {
      const operations = yield* Operations.Operations
      const runId = yield* Levada.start(sums, { n: 1 })
      const events = yield* Stream.runCollect(operations.watch(Principal.host, runId))
      const run = yield* operations.run(Principal.host, runId)
      expect(run).toMatchObject({ status: "COMPLETED", stepsCompleted: 3, sequence: events.length })
      expect(events.map((event) => ("step" in event ? `${event.type} ${event.step}` : event.type)).sort()).toEqual([
        "RunCompleted",
        "RunStarted",
        "StepCompleted double",
        "StepCompleted plusOne",
        "StepCompleted sum",
        "StepStarted double",
        "StepStarted plusOne",
        "StepStarted sum"
      ])
      expect(events[0]!.type).toBe("RunStarted")
      expect(events.at(-1)!.type).toBe("RunCompleted")
    }).pipe(withLevada([sums]))
  )
})
