/** What is kept of what tasks raise: enough to see what is wrong, however much of it there is. */
import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { Pipeline, Run, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"
import { describe as describeError } from "../../../core/values/ErrorInfo.ts"

const N = Schema.Number
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

const chainOf = (length: number): Error => {
  let error = new Error("the first of all")
  for (let at = 0; at < length; at++) error = new Error(`caused ${at}`, { cause: error })
  return error
}

const itself = new Error("it is its own cause")
itself.cause = itself

const hostile: Readonly<Record<string, unknown>> = {
  "a million lines": new Error("line\n".repeat(1_000_000)),
  "a million empty lines": new Error("\n".repeat(1_000_000)),
  "lines that begin like a stack": new Error("oops\n    at ".repeat(100_000)),
  "blanks without an end": new Error(`oops\n${" ".repeat(1_000_000)}`),
  "a page without a break": new Error("x".repeat(5_000_000)),
  "a text": "x".repeat(5_000_000),
  "a long name": Object.assign(new Error("named"), { name: "N".repeat(1_000_000) }),
  "a chain of causes": chainOf(1_000),
  "itself as its cause": itself,
  "something that can't be looked at": new Proxy(new Error("no"), {
    get: () => {
      throw new Error("do not look")
    }
  }),
  "no prototype": Object.create(null),
  "a symbol": Symbol("why")
}

describe.each(Object.keys(hostile))("a task that raises %s", (what) => {
  it("fails its run as any other, and what is kept of it is bounded", async () => {
    const work = Task.make("work", {
      output: { x: N },
      retry: { times: 2, delayMillis: 0 },
      run: (): { x: number } => {
        throw hostile[what]
      }
    })
    const next = Task.make("next", { input: { x: N }, output: { y: N }, run: ({ x }) => ({ y: x }) })
    const pipeline = Pipeline.make("p", [work, next])
    testing = await Testing.make({ pipelines: [pipeline] })
    const { run, report, events } = await testing.run(pipeline, {})
    expect(run).toMatchObject({ status: "FAILED", error: { name: "TaskFailed", step: "work" } })
    expect(run.error!.message).toMatch(/^Task 'work' failed after 2 retries: /)
    expect(run.error!.message.length).toBeLessThan(2_100)
    expect(report.failed.map(({ step }) => step)).toEqual(["work"])
    // All of it: each error in each event, with all of its causes.
    expect(JSON.stringify(run.error).length).toBeLessThan(40_000)
    expect(JSON.stringify(events).length).toBeLessThan(200_000)
    expect(Run.isTerminal(run.status)).toBe(true)
  })
})

describe("a message", () => {
  it("is kept to its first 2,000 characters, without the lines of a stack", () => {
    expect(describeError(new Error("one\ntwo\n    at file.ts:1\nthree\n\tat other.ts:2:3")).message).toBe(
      "one\ntwo\nthree"
    )
    expect(describeError(new Error("x".repeat(2_000))).message).toBe("x".repeat(2_000))
    expect(describeError(new Error("x".repeat(2_001))).message).toBe(`${"x".repeat(2_000)}…`)
  })

  it("is followed by five causes at most", () => {
    let depth = 0
    for (let info = describeError(chainOf(100)); info.cause !== undefined; info = info.cause) depth++
    expect(depth).toBe(5)
  })
})
