/** A pool of threads: the result of a call, how calls end, and that they leave nothing behind. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { describeWithStack, describe as inWords } from "../../core/values/ErrorInfo.ts"
import { Fatal } from "../../core/values/Errors.ts"
import { cases } from "../cases.ts"
import { turns, withThreads } from "./Calls.ts"

/** Whether a computing thread ends when it is terminated. In Deno 2.9 it goes on until the process ends. */
const terminates = process.env["TEST_RUNTIME"] !== "deno"

/** Whether a call has stopped looping. In Deno the test stops it. */
const hasStopped = (beats: Int32Array): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const before = beats[0]
    yield* turns(20)
    const isSame = beats[0] === before
    Atomics.store(beats, 1, 1)
    return isSame || !terminates
  })

const shared = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * length))

describe("a call", () => {
  it("returns the result of the module's default export, which gets its context", async () => {
    const gave = await withThreads({}, (call) => call("double", { n: 4 }, { step: "doubling", attempt: 2, item: 5 }))
    expect(gave).toEqual({ m: 8, told: ["string", "doubling", 2, 5, false] })
  })

  it("returns the value of the Promise of an exported `run`", async () => {
    expect(await withThreads({}, (call) => call("half", { n: 4 }))).toEqual({ m: 2 })
  })

  it.each([
    ["nothing", /fixtures\/nothing\.ts cannot be used: it exports no function as default or run/],
    ["missing", /fixtures\/missing\.ts cannot be used: /]
  ])("of an invalid module fails with the reason: %s", async (name, message) => {
    const error = await withThreads({}, (call) => Effect.flip(call(name)))
    expect(error).toMatchObject({ _tag: "ModuleUnusable", message: expect.stringMatching(message) })
  })

  it("reports progress once per percent, and log lines in order", async () => {
    const progress: Array<number> = []
    const lines: Array<ReadonlyArray<unknown>> = []
    const context = {
      progress: (done: number) => progress.push(done),
      log: (...line: ReadonlyArray<unknown>) => lines.push(line)
    }
    await withThreads({}, (call) => call("telling", { lines: 2 }, context as never))
    expect(progress).toEqual(Array.from({ length: 101 }, (_, percent) => 10 * percent))
    expect(lines).toEqual([
      ["begins", { at: 1 }, "info"],
      ["warns", { note: "fields that are no JSON are not kept" }, "warn"],
      ["line 0", undefined, "info"],
      ["line 1", undefined, "info"]
    ])
  })

  it("that logs while the main thread is busy keeps 1,000 lines, and counts the dropped ones", async () => {
    const seen = shared(1)
    const lines: Array<unknown> = []
    const log = (line: string): void => {
      lines.push(line)
    }
    await withThreads({ size: 1 }, (call) =>
      Effect.gen(function* () {
        // The module is loaded, so that it needs nothing of the main thread any more.
        yield* call("telling", { lines: 0 })
        const fiber = yield* Effect.forkChild(call("telling", { lines: 5_000, seen }, { log }), {
          startImmediately: true
        })
        while (Atomics.load(seen, 0) === 0);
        yield* Fiber.join(fiber)
      })
    )
    // A hundred and one changes of progress wait there too.
    expect(lines.slice(0, -1)).toEqual(["begins", "warns", ...Array.from({ length: 897 }, (_, line) => `line ${line}`)])
    expect(lines.at(-1)).toBe("4103 log lines were dropped, because they came too fast")
  })
})

describe("an error", () => {
  it.each([
    ["error", { name: "RangeError", message: "too large", cause: { name: "TypeError", message: "no number" } }],
    ["tagged", { name: "NoSuchPicture", message: "gone" }],
    ["fatal", { name: "Fatal", message: "never again" }],
    ["text", { name: "Error", message: "a text" }],
    ["nothing", { name: "Error", message: "undefined" }],
    ["object", { name: "Error", message: "An object without a message was thrown" }],
    ["looked", { name: "Error", message: "An error that throws when its fields are read" }]
  ])("keeps name, message, tag and cause: %s", async (how, expected) => {
    expect(inWords(await withThreads({}, (call) => Effect.flip(call("raising", { how }))))).toEqual(expected)
  })

  it("has the frames in its module, and those of its causes; none of the thread's own", async () => {
    const error = await withThreads({}, (call) => Effect.flip(call("raising", { how: "error" })))
    const { stack, cause } = describeWithStack(error)
    for (const each of [stack, cause!.stack]) {
      expect(each).toMatch(/^at .*raising\.ts:\d+:\d+/)
      expect(each).not.toMatch(/Thread\.ts|worker eval|too large|no number/)
    }
    const changed = await withThreads({}, (call) => Effect.flip(call("raising", { how: "changed" })))
    expect(describeWithStack(changed).stack).toMatch(/^at .*raising\.ts:\d+:\d+/)
    const other = await withThreads({}, (call) => Effect.flip(call("raising", { how: "object" })))
    expect(describeWithStack(other)).not.toHaveProperty("stack")
  })
})

describe("a thread that ends", () => {
  it.each([
    ["exit", "its thread ended with exit code 3 before the task returned", undefined],
    ["throw", expect.stringMatching(/^its thread ended with exit code \d before the task returned$/), "from a timer"],
    [
      "reject",
      expect.stringMatching(/^its thread ended with exit code \d before the task returned$/),
      "without an owner"
    ]
  ])("fails its call, and is replaced: %s", async (how, message, cause) => {
    const [error, gave] = await withThreads({ size: 1 }, (call) =>
      Effect.all([Effect.flip(call("ending", { how })), call("half", { n: 2 })])
    )
    expect(error).toMatchObject({ _tag: "ThreadEnded", message })
    expect((error as Error).cause).toEqual(
      cause === undefined ? undefined : expect.objectContaining({ message: cause })
    )
    expect(gave).toEqual({ m: 1 })
  })

  it("after its call affects no other call", async () => {
    const gave = await withThreads({ size: 1 }, (call) =>
      Effect.all(Array.from({ length: 5 }, () => call("ending", { how: "later" })))
    )
    expect(gave).toEqual(Array.from({ length: 5 }, () => ({ done: true })))
  })
})

describe("values", () => {
  class Thing {
    readonly n = 1
  }

  it.each<[string, unknown, string]>([
    ["a function", { deep: [() => 1] }, "input 'wrong' cannot be copied between threads: wrong.deep.0 is a function"],
    ["a symbol", Symbol("s"), "wrong is a symbol"],
    ["an instance", { deep: new Thing() }, "wrong.deep is an instance of Thing"],
    ["an Option", Option.some(1), "wrong is an instance of"],
    ["an instance in a Map", new Map([["k", new Thing()]]), "wrong.1 is an instance of Thing"],
    ["an Error of its own", new Fatal("f"), "wrong is an instance of"],
    ["a list of its own", new (class Things extends Array {})(), "wrong is an instance of Things"]
  ])("that can't be copied fail the call by name: %s as an input", async (_, wrong, message) => {
    const error = await withThreads({}, (call) => Effect.flip(call("returning", { how: "bytes", wrong })))
    expect(error).toMatchObject({ _tag: "NotCopied", message: expect.stringContaining(message) })
  })

  it.each([
    ["function", "output 'wrong' cannot be copied between threads: "],
    ["symbol", "output 'wrong' cannot be copied between threads: "],
    ["bare", "the value that it returned cannot be copied between threads: "]
  ])("that can't be copied fail the call by name: %s as an output", async (how, message) => {
    const error = await withThreads({}, (call) => Effect.flip(call("returning", { how })))
    expect(error).toMatchObject({ _tag: "NotCopied", message: expect.stringContaining(message) })
  })

  it("that are copied arrive unchanged", async () => {
    const plain = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(fc.string(), fc.double(), fc.bigInt(), fc.boolean(), fc.constant(null), fc.date(), fc.uint8Array()),
        fc.array(tie("value")),
        fc.dictionary(fc.string(), tie("value")),
        fc.array(fc.tuple(fc.string(), tie("value"))).map((entries) => new Map(entries)),
        fc.array(tie("value")).map((members) => new Set(members))
      )
    })).value
    await withThreads({ size: 1 }, (call) =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(plain, async (value) => {
            expect(await Effect.runPromise(call("echo", { value }))).toEqual({ value: structuredClone(value) })
          }),
          { numRuns: cases(200) }
        )
      )
    )
  })
})

describe("a call that is told to stop", () => {
  it("sees its signal, and its thread continues with the next call", async () => {
    const seen = shared(1)
    const calls = await withThreads({ size: 1 }, (call) =>
      Effect.gen(function* () {
        const first = yield* call("counting")
        const hasBegun = yield* Deferred.make<void>()
        const progress = () => Deferred.doneUnsafe(hasBegun, Effect.void)
        const fiber = yield* Effect.forkChild(call("waiting", { seen }, { progress }))
        yield* Deferred.await(hasBegun)
        yield* Fiber.interrupt(fiber)
        return [first, yield* call("counting")]
      })
    )
    expect(seen[0]).toBe(1)
    expect(calls).toEqual([{ calls: 1 }, { calls: 2 }])
  })

  it("sees its signal while it computes, if it checks its context", async () => {
    const calls = await withThreads({ size: 1 }, (call) =>
      Effect.gen(function* () {
        const first = yield* call("counting")
        const hasBegun = yield* Deferred.make<void>()
        const progress = () => Deferred.doneUnsafe(hasBegun, Effect.void)
        const fiber = yield* Effect.forkChild(call("spinning", { looks: true }, { progress }))
        yield* Deferred.await(hasBegun)
        yield* Fiber.interrupt(fiber)
        return [first, yield* call("counting")]
      })
    )
    expect(calls).toEqual([{ calls: 1 }, { calls: 2 }])
  })

  it("is terminated if it goes on computing", async () => {
    const beats = shared(2)
    const [stopped, gave] = await withThreads({ size: 1 }, (call) =>
      Effect.gen(function* () {
        const hasBegun = yield* Deferred.make<void>()
        const progress = () => Deferred.doneUnsafe(hasBegun, Effect.void)
        const fiber = yield* Effect.forkChild(call("spinning", { beats }, { progress }))
        yield* Deferred.await(hasBegun)
        yield* Fiber.interrupt(fiber)
        return [yield* hasStopped(beats), yield* call("half", { n: 2 })]
      })
    )
    expect(beats[0]).toBeGreaterThan(0)
    expect(stopped).toBe(true)
    expect(gave).toEqual({ m: 1 })
  })

  it("while it waits for a thread, never begins", async () => {
    const seen = shared(1)
    await withThreads({ size: 1 }, (call) =>
      Effect.gen(function* () {
        const hasBegun = yield* Deferred.make<void>()
        const progress = () => Deferred.doneUnsafe(hasBegun, Effect.void)
        const first = yield* Effect.forkChild(call("waiting", { seen: shared(1) }, { progress }))
        yield* Deferred.await(hasBegun)
        const second = yield* Effect.forkChild(call("meeting", { seen, count: 0 }), { startImmediately: true })
        yield* Fiber.interrupt(second)
        yield* Fiber.interrupt(first)
        yield* call("half", { n: 2 })
      })
    )
    expect(seen[0]).toBe(0)
  })

  it("times out, counted from its start in a thread", async () => {
    const beats = shared(2)
    const error = await withThreads({ size: 1 }, (call) => Effect.flip(call("spinning", { beats }, {}, 100)))
    expect(error).toMatchObject({ _tag: "StepTimedOut", message: "it took longer than 100 ms" })
    expect(await Effect.runPromise(hasStopped(beats))).toBe(true)
  })
})

describe("a pool", () => {
  it("runs eight computing calls in parallel, while the main thread goes on", async () => {
    const seen = shared(2)
    const mine = await withThreads({ size: 8 }, (call) =>
      Effect.gen(function* () {
        const calls = Array.from({ length: 8 }, () => call("meeting", { seen, count: 8 }))
        const fiber = yield* Effect.forkChild(Effect.all(calls, { concurrency: "unbounded" }))
        while (Atomics.add(seen, 1, 1) < 100) yield* turns(1)
        return yield* Fiber.join(fiber)
      })
    )
    expect(mine.map((gave) => (gave as { readonly mine: number }).mine).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  it("reuses threads, and ends those beyond its number of idle ones", async () => {
    const counted = (maxIdle: number) =>
      withThreads({ size: 1, maxIdle }, (call) => Effect.all([call("counting"), call("counting"), call("counting")]))
    expect(await counted(1)).toEqual([{ calls: 1 }, { calls: 2 }, { calls: 3 }])
    expect(await counted(0)).toEqual([{ calls: 1 }, { calls: 1 }, { calls: 1 }])
  })

  it("terminates computing threads when it closes", async () => {
    const beats = shared(2)
    await withThreads({}, (call) =>
      Effect.gen(function* () {
        const hasBegun = yield* Deferred.make<void>()
        const progress = () => Deferred.doneUnsafe(hasBegun, Effect.void)
        yield* Effect.forkDetach(call("spinning", { beats }, { progress }))
        yield* Deferred.await(hasBegun)
      })
    )
    expect(await Effect.runPromise(hasStopped(beats))).toBe(true)
  })

  it.each([
    ["size", 0],
    ["size", 1.5],
    ["size", 1_025],
    ["maxIdle", -1]
  ])("refuses a %s of %d", async (option, value) => {
    await expect(withThreads({ [option]: value }, () => Effect.void)).rejects.toMatchObject({
      _tag: "InvalidOption",
      option: `threads.${option}`
    })
  })
})
