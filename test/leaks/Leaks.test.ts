/** An error that a task leaks fails its own attempt, and affects no other step. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { Access, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"
import { cases } from "../cases.ts"

const N = Schema.Number

/** Sources of a thrown error, or of a rejection, that the task's result does not contain. */
const WAYS = {
  "a callback of a timer": () => setTimeout(() => fail(), 1),
  "a callback of setImmediate": () => setImmediate(() => fail()),
  "a callback of process.nextTick": () => process.nextTick(() => fail()),
  "a rejected Promise": () => Promise.reject(new Error("leaked")),
  "an async function that is not awaited": async () => {
    await new Promise((resolve) => setTimeout(resolve, 1))
    fail()
  },
  "a Promise that a timer rejects": () => new Promise((_, reject) => setTimeout(() => reject(new Error("leaked")), 1))
} satisfies Readonly<Record<string, () => unknown>>

const fail = (): never => {
  throw new Error("leaked")
}

type Way = keyof typeof WAYS

const runtime = process.env["TEST_RUNTIME"]

/**
 * The ways that this runtime can attribute to a task; in Deno without those that are reported to vitest too. See
 * `adapters/leaks`.
 */
const TOLD = (Object.keys(WAYS) as Array<Way>).filter(
  (way) => runtime === "node" || way.startsWith("a callback") === (runtime === "bun")
)

const STYLES = ["a Promise", "an Effect"] as const

/** A task that leaks when it is called with a `way`, and otherwise ends after all others. */
const leaking = (retry?: { readonly times: number }) => {
  const calls = new Map<number, number>()
  const gate = Promise.withResolvers<void>()
  const make = (style: (typeof STYLES)[number]) =>
    Task.make(`leaking as ${style}`, {
      input: { n: N, way: Schema.NullOr(Schema.Literals(TOLD)) },
      output: { m: N },
      ...(retry && { retry: { delayMillis: 0, ...retry } }),
      run: ({ n, way }, { signal, attempt }) => {
        calls.set(n, (calls.get(n) ?? 0) + 1)
        const going = async (): Promise<{ readonly m: number }> => {
          if (way !== null && attempt === 1) {
            // After it has yielded the thread, as tasks do.
            await Promise.resolve()
            void WAYS[way]()
            await new Promise((resolve) => signal.addEventListener("abort", resolve))
          } else if (way === null) await gate.promise
          return { m: n }
        }
        return (style === "a Promise" ? going() : Effect.promise(going)) as Promise<{ readonly m: number }>
      }
    })
  const pipelines = STYLES.map((style) => Pipeline.make(style.replaceAll(" ", "-"), [make(style)]))
  return { pipelines, calls, open: () => gate.resolve() }
}

describe("an error that a task leaks", () => {
  it("fails its own attempt with TaskLeaked; the steps beside it are called once, and complete", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ way: fc.option(fc.constantFrom(...TOLD)), style: fc.nat(1) }), {
          minLength: 1,
          maxLength: 12
        }),
        async (steps) => {
          const { pipelines, calls, open } = leaking()
          const levada = Levada.make({ pipelines, access: Access.open })
          const started = await Promise.all(
            steps.map(({ way, style }, n) => levada.start(pipelines[style]!, { n, way }))
          )
          const results = started.map((runId, n) => levada.result(pipelines[steps[n]!.style]!, runId))
          const leaks = results.filter((_, n) => steps[n]!.way !== null)
          await Promise.allSettled(leaks)
          open()
          const settled = await Promise.allSettled(results)
          for (const [n, { way }] of steps.entries()) {
            const { status, error } = await levada.run(started[n]!)
            expect([settled[n]!.status, status, error?.name, error?.cause?.message]).toEqual(
              way === null
                ? ["fulfilled", "COMPLETED", undefined, undefined]
                : ["rejected", "FAILED", "TaskLeaked", "leaked"]
            )
            expect(calls.get(n)).toBe(1)
          }
          await levada.close()
        }
      ),
      { numRuns: cases(30) }
    ))

  it.each(TOLD)("is retried like any other failure: %s", async (way) => {
    const { pipelines, calls } = leaking({ times: 1 })
    const levada = Levada.make({ pipelines, access: Access.open })
    expect(await levada.execute(pipelines[0]!, { n: 7, way })).toBe(7)
    expect(calls.get(7)).toBe(2)
    await levada.close()
  })

  it("is only logged once its attempt is over", async () => {
    const said = Promise.withResolvers<string>()
    const logger = Logger.make<unknown, void>(({ message, logLevel }) => {
      if (logLevel !== "Warn") return
      said.resolve([message].flat().map(String).join(" "))
    })
    const late = Task.make("late", {
      input: { n: N },
      output: { m: N },
      run: ({ n }) => {
        void WAYS[TOLD.at(-1)!]()
        return { m: n }
      }
    })
    const pipeline = Pipeline.make("p", [late])
    const levada = Levada.make({ pipelines: [pipeline], access: Access.open, telemetry: Logger.layer([logger]) })
    const runId = await levada.start(pipeline, { n: 1 })
    expect(await levada.result(pipeline, runId)).toBe(1)
    expect(await said.promise).toBe(
      `Step 'late' of run '${runId}' leaked an error after it had ended, which task 'late' has to handle`
    )
    expect((await levada.run(runId)).status).toBe("COMPLETED")
    await levada.close()
  })

  it.skipIf(runtime === "deno")("belongs to the task also if it is thrown by a listener of its signal", async () => {
    const logger = Logger.make<unknown, void>(({ message, logLevel }) => {
      if (logLevel === "Warn") said.resolve([message].flat().map(String).join(" "))
    })
    const said = Promise.withResolvers<string>()
    const listening = Task.make("listening", {
      output: { m: N },
      timeoutMillis: 5,
      run: (_, { signal }) =>
        new Promise<{ m: number }>((resolve) => {
          signal.addEventListener("abort", () => {
            resolve({ m: 1 })
            fail()
          })
        })
    })
    const pipeline = Pipeline.make("p", [listening])
    const levada = Levada.make({ pipelines: [pipeline], access: Access.open, telemetry: Logger.layer([logger]) })
    await expect(levada.execute(pipeline, {})).rejects.toMatchObject({ error: { cause: { name: "StepTimedOut" } } })
    expect(await said.promise).toContain("leaked an error")
    await levada.close()
  })
})
