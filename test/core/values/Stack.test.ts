/** What is kept of an error's stack: frames and nothing else, within bounds, whatever the error is. */
import * as Data from "effect/Data"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Bytes from "../../../core/values/Bytes.ts"
import { describe as describeError, describeWithStack, type ErrorInfo } from "../../../core/values/ErrorInfo.ts"
import { Fatal, RunNotFound, StepTimedOut } from "../../../core/values/Errors.ts"
import * as Stack from "../../../core/values/Stack.ts"
import { cases } from "../../cases.ts"

const withStack = (stack: unknown, message = "no"): Error => Object.assign(new Error(message), { stack })
const stackOf = (...lines: ReadonlyArray<string>): string | undefined =>
  Stack.of(withStack(["Error: no", ...lines].join("\n")))

/** An error and its causes. */
const chainOf = (error: ErrorInfo): ReadonlyArray<ErrorInfo> =>
  error.cause === undefined ? [error] : [error, ...chainOf(error.cause)]

const expectBounded = (stack: string | undefined): void => {
  if (stack === undefined) return
  expect(Bytes.ofText(stack)).toBeLessThanOrEqual(4_000)
  expect(stack.isWellFormed()).toBe(true)
  const frames = stack.split("\n")
  expect(frames.length).toBeLessThanOrEqual(20)
  for (const frame of frames) {
    expect(frame).toMatch(/^at /)
    expect(frame).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
  }
}

describe("the stack of an error", () => {
  it("begins where it was created, and has no message", () => {
    const thrower = (): Error => new TypeError("first line\n    at once.ts:1:2 it failed\nlast line")
    const stack = Stack.of(thrower())!
    expect(stack).toMatch(/^at (?:thrower|<anonymous>) \(.*Stack\.test\.ts:\d+:\d+\)(?:\n|$)/)
    expect(stack).not.toMatch(/line|once|TypeError/)
    expectBounded(stack)
  })

  it("is that of subclasses, tagged errors and Fatal too", () => {
    class Boom extends Data.TaggedError("Boom")<{ readonly size: number }> {}
    class Late extends Error {
      override readonly name = "Late"
    }
    for (const error of [new Boom({ size: 1 }), new Late("x"), new Fatal("x"), new AggregateError([], "x")]) {
      expect(Stack.of(error), error.name).toMatch(/^at .*Stack\.test\.ts:\d+:\d+/)
    }
  })

  it.each([
    "at run (/srv/app/tasks.ts:12:9)",
    "at async file:///srv/app/tasks.ts:12:9",
    "at new Reader (C:\\app\\tasks.js:12:9)",
    "at Array.map (<anonymous>)",
    "at async Promise.all (index 0)",
    "at forEach (native:1:11)",
    "at eval (eval at load (/srv/app/x.js:1:1), <anonymous>:1:7)",
    "at wasm://wasm/0b1c:wasm-function[12]:0x34f"
  ])("has frames of every kind: %s", (frame) => {
    expect(stackOf(`    ${frame}`)).toBe(frame)
  })

  it.each([
    "token=hush",
    "    at noon the token was hush",
    "  [cause]: Error: hush",
    "} hush",
    "hush@https://app.example/x.js:1:2",
    "    at effect (/srv/node_modules/effect/dist/Effect.js:1:2)",
    "    at Attempt.call (C:\\app\\node_modules\\levada\\dist\\chunk.js:1:2)",
    "    at call (/srv/node_modules/.pnpm/levada@1.0.0/node_modules/levada/dist/chunk.js:1:2)",
    "    at work ([worker eval]:95:21)"
  ])("has no other lines, and no frames of effect and Levada: %s", (line) => {
    expect(stackOf(line)).toBeUndefined()
    expect(stackOf(line, "    at run (/srv/app/effect/levada.ts:1:2)", line)).toBe(
      "at run (/srv/app/effect/levada.ts:1:2)"
    )
  })

  it("keeps the program's own frames when not all fit, in their order", () => {
    const packaged = Array.from({ length: 30 }, (_, at) => `at query (/srv/node_modules/db/index.js:${at}:1)`)
    const own = ["at load (/srv/app/load.ts:1:1)", "at run (/srv/app/run.ts:2:2)"]
    const frames = stackOf(...packaged, ...own, ...packaged)!.split("\n")
    expect(frames).toEqual([...packaged.slice(0, 18), ...own])
    const long = Array.from({ length: 30 }, (_, at) => `at ${"é".repeat(150)} (/srv/node_modules/db/index.js:${at}:1)`)
    expect(
      stackOf(...long, ...own)!
        .split("\n")
        .slice(-2)
    ).toEqual(own)
  })

  it("is cut to 20 frames, and a long frame keeps its beginning and its place", () => {
    const frames = Array.from({ length: 100 }, (_, at) => `at deep (/srv/app/x.ts:${at}:1)`)
    expect(stackOf(...frames)).toBe(frames.slice(0, 20).join("\n"))
    expect(stackOf(`    at run (data:text/javascript,${"x".repeat(20_000)}:12:9)`)).toMatch(
      /^at run \(data:text\/javascript,x+…x+:12:9\)$/
    )
  })

  it("begins after a message of any length", () => {
    const page = "a\n    at once.ts:1:2\n".repeat(100_000)
    expect(Stack.of(withStack(`Error: ${page}\n    at run (/srv/app/x.ts:1:2)`, page))).toBe(
      "at run (/srv/app/x.ts:1:2)"
    )
  })

  it("is cut off at the message even if the message was changed, or the error has none", () => {
    const changed = new Error("tasks")
    const before = Stack.of(changed)
    for (const message of ["Stack.test", "", "x".repeat(2_000), "E"]) {
      changed.message = message
      expect(Stack.of(changed)).toBe(before)
    }
    expect(Stack.of(new Error())).toMatch(/^at .*Stack\.test\.ts/)
    expect(Stack.of(withStack("    at a (/x.ts:1:2)", ""))).toBe("at a (/x.ts:1:2)")
  })

  it.each([
    ["absent", undefined],
    ["no text", [{ file: "x" }]],
    ["empty", ""],
    ["without frames", "Error: no"],
    ["a million lines", "x\n".repeat(1_000_000)],
    ["a long line", `    at ${"1:".repeat(1_000_000)}x`]
  ])("is undefined when it is %s", (_, stack) => {
    expect(Stack.of(withStack(stack))).toBeUndefined()
  })

  it("is undefined, and costs no more than itself, when reading it throws", () => {
    const error = new Error("still told", { cause: new Error("why") })
    Object.defineProperty(error, "stack", {
      get: () => {
        throw new Error("do not look")
      }
    })
    const info = describeWithStack(error)
    expect(info).toMatchObject({ name: "Error", message: "still told", cause: { message: "why", stack: /^at /u } })
    expect("stack" in info).toBe(false)
  })
})

describe("an error with stacks", () => {
  const piece = fc.oneof(
    fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 300 }),
    fc.constantFrom("\n    at ", "\n at x (/a.ts:1:2)", ":1:2)", "\r\n", "\u202e", "\ud800", "at \u001b[31m"),
    fc.integer({ min: 1, max: 5_000 }).map((count) => "é:".repeat(count)),
    fc.integer({ min: 1, max: 100 }).map((count) => `\n    at f\u0007€ (/srv/node_modules/x/y.js:1:2)`.repeat(count))
  )
  const hostileText = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(""))
  const value = fc.oneof(
    fc.tuple(hostileText, hostileText).map(([message, stack]) => withStack(stack, message)),
    fc.record({ message: hostileText, stack: hostileText, name: hostileText }),
    fc.anything({ withNullPrototype: true })
  )
  const raised = fc.array(value, { minLength: 1, maxLength: 10 }).map((values) => {
    for (const [at, each] of values.entries()) {
      if (at > 0 && typeof each === "object" && each !== null) Reflect.set(each, "cause", values[at - 1])
    }
    return values.at(-1)
  })

  it("is bounded, is what it is without them otherwise, and survives JSON", () => {
    fc.assert(
      fc.property(raised, (error) => {
        const info = describeWithStack(error)
        for (const { stack } of chainOf(info)) expectBounded(stack)
        const bare = JSON.stringify(info, (key, each) => (key === "stack" ? undefined : each))
        expect(JSON.parse(bare)).toEqual(describeError(error))
        expect(JSON.parse(JSON.stringify(info))).toEqual(info)
        // Six errors at most; JSON escapes the line feeds.
        expect(Bytes.ofText(JSON.stringify(info)) - Bytes.ofText(bare)).toBeLessThanOrEqual(6 * 4_100)
      }),
      { numRuns: cases(500) }
    )
  })

  it("has those of up to five causes", () => {
    let error = new Error("first")
    for (let at = 0; at < 10; at++) error = new Error(`caused ${at}`, { cause: error })
    const chain = chainOf(describeWithStack(error))
    expect(chain).toHaveLength(6)
    for (const { stack } of chain) expect(stack).toMatch(/^at .*Stack\.test\.ts/)
  })

  it("has none of an object that is no error, and none of Levada's own failures", () => {
    const stack = "Error: x\n    at a (/x.ts:1:2)"
    for (const each of [
      { message: "x", stack },
      stack,
      { _tag: "X", stack },
      new StepTimedOut(5),
      new RunNotFound("r")
    ]) {
      expect(describeWithStack(each)).not.toHaveProperty("stack")
    }
    const cause = withStack(stack)
    expect(describeWithStack(Object.assign(new StepTimedOut(5), { cause }))).toMatchObject({
      cause: { stack: "at a (/x.ts:1:2)" }
    })
  })
})
