/** Runs with large values are read over a link of ten megabytes a second: in slices, so that no command times out. */
import * as Schema from "effect/Schema"
import { expect, inject, test, vi } from "vitest"
import { Errors, Pipeline, Step, Task } from "../../adapters/promise/index.ts"
import type { RedisStore } from "../../adapters/redis/index.ts"
import { levada, SOON } from "./Resources.ts"
import { slowLink } from "./SlowLink.ts"

const url = inject("redisUrl")
const shared = test.skipIf(url === undefined)
let count = 0

/** A prefix that no other test uses. */
const here = () => ({ url: url!, prefix: `reading-${process.pid}-${++count}` })

const MEGA = 1_000_000
const LENGTH = 900_000
const large = "x".repeat(LENGTH)

/** A command that takes longer than two seconds counts as unanswered. */
const QUICK = { leaseMillis: 6_000 }

/** A Levada without a worker, behind a slow link. */
const afar = async (store: RedisStore.Options) => {
  const link = await slowLink(url!, 10 * MEGA)
  const made = levada([], { ...store, url: link.url }, { worker: false })
  await made.ready
  return { made, link }
}

const inputs = (many: number) =>
  Object.fromEntries(Array.from({ length: many }, (_, at) => [`in${at}`, Schema.String] as const))

/** A run that never begins, with so many large parameters. */
const waiting = async (store: RedisStore.Options, many: number): Promise<string> => {
  const task = Task.make("take", { input: inputs(many), output: { taken: Schema.Number }, run: () => ({ taken: 1 }) })
  const made = levada([Pipeline.make("large", [task])], store, { worker: false })
  const parameters = Object.fromEntries(Object.keys(inputs(many)).map((name) => [name, large]))
  return made.start(Pipeline.make("large", [task]) as Pipeline.Any, parameters as never)
}

/** So many steps, each with a large output. */
const steps = (many: number) =>
  Pipeline.make(
    "steps",
    Array.from({ length: many }, (_, at) =>
      Task.make(`make${at}`, {
        input: {},
        output: { [`made${at}`]: Schema.String },
        run: () => ({ [`made${at}`]: large })
      })
    ) as ReadonlyArray<Task.Any>
  ) as Pipeline.Any

/** An ended run of such steps. */
const over = async (store: RedisStore.Options, many: number): Promise<string> => {
  const made = levada([steps(many)], { ...store, leaseMillis: 60_000 }, { worker: { concurrency: 2 } })
  const runId = await made.start(steps(many), {} as never)
  await vi.waitFor(async () => expect((await made.runs({ statuses: ["COMPLETED"] })).runs).toHaveLength(1), SOON)
  await made.close()
  return runId
}

const lengths = (values: Readonly<Record<string, string>>): ReadonlyArray<number> =>
  Object.values(values).map(({ length }) => length)

const whole = (many: number): ReadonlyArray<number> => Array<number>(many).fill(LENGTH + 2)

shared("a run with 100 values of 0.9 MB is read", { timeout: 60_000 }, async () => {
  const store = here()
  const runId = await over(store, 100)
  const { made } = await afar(store)
  const run = await made.run(runId)
  expect(run.status).toBe("COMPLETED")
  expect(lengths(run.outputs)).toEqual(whole(100))
})

shared(
  "the state, the events and the attempts of a run are read without its 50 values of 1 MB",
  { timeout: 60_000 },
  async () => {
    const store = here()
    const runId = await over(store, 50)
    const { made, link } = await afar(store)
    const before = link.carried()
    const ask = async (path: string) => (await made.fetch(new Request(`http://localhost/runs/${runId}${path}`))).text()
    const outline = await ask("?values=false")
    const events = await ask("/events?values=false")
    const attempts = await ask("/steps/make7/attempts")
    const lines = await ask("/logs")
    expect(JSON.parse(outline).values.map(({ bytes }: { readonly bytes: number }) => bytes)).toEqual(whole(50))
    expect(events.split("\n\n").filter((event) => event.includes("StepCompleteEvent"))).toHaveLength(50)
    expect(JSON.parse(attempts).attempts).toMatchObject([{ status: "COMPLETED" }])
    expect(JSON.parse(lines).lines).toEqual([])
    expect(outline.length + events.length + attempts.length).toBeLessThan(200_000)
    expect(link.carried() - before).toBeLessThan(200_000)
    expect(await ask("/values/made7")).toBe(JSON.stringify(large))
    expect(link.carried() - before).toBeLessThan(1.2 * MEGA)
  }
)

shared("a list of runs with large values has no values, and each run has its own", async () => {
  const store = { ...here(), ...QUICK }
  const runIds = [await waiting(store, 15), await waiting(store, 15)]
  const { made } = await afar(store)
  const { runs } = await made.runs()
  expect(runs.map(({ id }) => id)).toEqual(runIds.reverse())
  for (const run of runs) {
    expect(run).not.toHaveProperty("parameters")
    expect(lengths((await made.run(run.id)).parameters)).toEqual(whole(15))
  }
})

shared("large outputs are read by a watcher, and by a reader of the feed", { timeout: 60_000 }, async () => {
  const store = { ...here(), ...QUICK }
  const runId = await over(store, 25)
  const { made } = await afar(store)
  const seen: Array<number> = []
  for await (const event of made.watch(runId)) {
    expect(event.sequence).toBe(seen.length + 1)
    seen.push(event.type === "StepCompleted" ? lengths(event.outputs)[0]! : 0)
  }
  expect(seen).toHaveLength(52)
  expect(seen.filter((length) => length > 0)).toEqual(whole(25))
  const fed: Array<number> = []
  for await (const { event } of made.feed({ after: "0" })) {
    if (event === undefined) continue
    fed.push(event.type === "StepCompleted" ? lengths(event.outputs)[0]! : 0)
    if (event.type === "RunCompleted") break
  }
  expect(fed).toEqual(seen)
})

shared("many concurrent readers of large runs all get answers", { timeout: 60_000 }, async () => {
  const store = { ...here(), ...QUICK }
  const runId = await waiting(store, 2)
  const { made } = await afar(store)
  const runs = await Promise.all(Array.from({ length: 20 }, () => made.run(runId)))
  for (const { parameters } of runs) expect(lengths(parameters)).toEqual(whole(2))
})

shared("a run that is removed during a read is not found, and never incomplete", async () => {
  const store = { ...here(), ...QUICK }
  const runId = await over(store, 20)
  const remover = levada([], store, { worker: false })
  await remover.ready
  const { made, link } = await afar(store)
  const before = link.carried()
  const reading = made.run(runId).then(
    () => "a run",
    (error: unknown) => error
  )
  await vi.waitFor(() => expect(link.carried() - before).toBeGreaterThan(4 * MEGA), { timeout: 15_000, interval: 1 })
  await remover.remove(runId)
  expect(await reading).toBeInstanceOf(Errors.RunNotFound)
})

shared("the log lines of a run are read in slices, in order, even while more are written", async () => {
  const store = here()
  const words = "y".repeat(2_000)
  const first = Promise.withResolvers<void>()
  const talk = Pipeline.make("talk", [
    Step.map(
      Task.make("say", {
        input: { n: Schema.Number },
        output: { said: Schema.Number },
        run: ({ n }, { log }) => {
          for (let at = 0; at < 300; at++) log(`${n * 300 + at} ${words}`)
          if (n === 3) first.resolve()
          return { said: n }
        }
      }),
      { over: { n: "ns" } }
    )
  ])
  const made = levada([talk], store, { worker: { concurrency: 1 } })
  const runId = await made.start(talk, { ns: Array.from({ length: 10 }, (_, n) => n) })
  await first.promise
  const { made: reader } = await afar(store)
  const numbersOf = async (): Promise<ReadonlyArray<number>> =>
    (await reader.lines(runId)).lines.map(({ message }) => Number(message.split(" ")[0]))
  for (let isOver = false; !isOver; ) {
    isOver = (await made.run(runId)).status === "COMPLETED"
    const numbers = await numbersOf()
    expect(numbers).toEqual(numbers.map((_, at) => numbers[0]! + at))
  }
  await vi.waitFor(async () => {
    const { lines, dropped } = await reader.lines(runId)
    expect([lines.length, lines.length + dropped]).toEqual([1_000, 3_000])
  }, SOON)
})
