/**
 * Large values: no command and no reply is longer than about a megabyte and one value, however many of them come together, so
 * that all that was accepted is completed, over a link of ten megabytes a second too. `LEVADA_BYTES=full` runs the figures of
 * the faults that were reported; else there are fewer of each.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { expect, test, vi } from "vitest"
import { Errors, Pipeline, Step, Task } from "../../adapters/promise/index.ts"
import { RedisStore } from "../../adapters/redis/index.ts"
import { client, describeWithServers, levada, server } from "./Opening.ts"
import { type SlowLink, slowLink } from "./SlowLink.ts"

const isFull = process.env["LEVADA_BYTES"] === "full"

/** The figure of the report, or a smaller one. */
const figure = (full: number, small: number): number => (isFull ? full : small)

const MEGA = 1_000_000

/** How long a command or reply may be: the bound of a batch, and one value of the longest with what is said of it. */
const MOST = (1 << 20) + (1 << 20) + 64_000

const TIMEOUT = isFull ? 600_000 : 60_000
const LONG = { timeout: TIMEOUT, interval: 20 }

/** A link that measures, and is slow when that is asked for, to a server of its own. */
const linked = async (
  bytesPerSecond = Number.POSITIVE_INFINITY
): Promise<{ readonly link: SlowLink; readonly url: string }> => {
  const { url } = await server()
  return { link: await slowLink(url, bytesPerSecond), url }
}

const keysOf = (letter: string, many: number) =>
  Object.fromEntries(Array.from({ length: many }, (_, at) => [`${letter}${at}`, Schema.String] as const))

const valuesOf = (letter: string, many: number, text: string) =>
  Object.fromEntries(Array.from({ length: many }, (_, at) => [`${letter}${at}`, text] as const))

const MB = "x".repeat(MEGA)

/** A task with so many string inputs, that says how often it was called. */
const taking = (name: string, many: number) => {
  const calls: Array<number> = []
  const task = Task.make(name, {
    input: { ...keysOf("in", many), n: Schema.Number },
    output: { [`${name}_lengths`]: Schema.Number },
    run: (inputs) => {
      const { n, ...texts } = inputs as { readonly n: number }
      calls.push(n)
      return { [`${name}_lengths`]: (Object.values(texts) as ReadonlyArray<string>).join("").length }
    }
  })
  return { calls, task }
}

const numbers = (many: number): ReadonlyArray<number> => Array.from({ length: many }, (_, n) => n)

/** Waits until no run is unfinished; then so many are completed, and no other one is there. Reads no values. */
const expectAll = async (url: string, many: number): Promise<void> => {
  const redis = client(url)
  await vi.waitFor(async () => expect(await redis.zcard("{levada}:unfinished")).toBe(0), LONG)
  const ids = await redis.zrange("{levada}:all", 0, "-1")
  const heads = await Promise.all(ids.map((id) => redis.hget(`{levada}:r:${id}`, "h")))
  expect(heads.map((head) => head?.[0])).toEqual(Array<string>(many).fill("C"))
}

const expectShort = ({ longest }: SlowLink, what: string, mostOfReply = 0): void => {
  if (isFull) console.log(`${what}: longest command ${longest.command} bytes, longest reply ${longest.reply} bytes`)
  expect(longest.command).toBeLessThan(MOST)
  expect(longest.reply).toBeLessThan(Math.max(MOST, mostOfReply))
}

/** Says what a full run measured. */
const say = (what: string, begun: number): void => {
  if (isFull) console.log(`${what}: ${Math.round(performance.now() - begun)} ms`)
}

describeWithServers("large values", () => {
  test("100 runs of six inputs of a megabyte, started while paused, are completed", { timeout: TIMEOUT }, async () => {
    const count = figure(100, 10)
    const { calls, task } = taking("take", 6)
    const pipeline = Pipeline.make("large", [task]) as Pipeline.Any
    const { link, url } = await linked()
    const made = levada([pipeline], { url: link.url })
    await made.pause("large")
    let begun = performance.now()
    for (const n of numbers(count)) await made.start(pipeline, { ...valuesOf("in", 6, MB), n } as never)
    say("1: started", begun)
    begun = performance.now()
    await made.resume("large")
    await expectAll(url, count)
    say("1: completed", begun)
    expect(calls.toSorted((a, b) => a - b)).toEqual(numbers(count))
    expectShort(link, "1")
  })

  test("runs of a value of 0.9 MB are completed over a link of 10 MB a second", { timeout: TIMEOUT }, async () => {
    const count = figure(100, 15)
    const { calls, task } = taking("take", 1)
    const pipeline = Pipeline.make("afar", [task]) as Pipeline.Any
    const { link, url } = await linked(10 * MEGA)
    const near = levada([pipeline], { url }, { worker: false })
    for (const n of numbers(count)) await near.start(pipeline, { in0: "x".repeat(900_000), n } as never)
    const begun = performance.now()
    const made = levada([pipeline], { url: link.url })
    await made.ready
    await expectAll(url, count)
    say("2: completed", begun)
    expect(calls.toSorted((a, b) => a - b)).toEqual(numbers(count))
    expectShort(link, "2")
  })

  test("200 starts of three megabytes at once are all taken", { timeout: TIMEOUT }, async () => {
    const count = figure(200, 25)
    const { calls, task } = taking("take", 3)
    const pipeline = Pipeline.make("crowd", [task]) as Pipeline.Any
    const { link, url } = await linked()
    const made = levada([pipeline], { url: link.url })
    const begun = performance.now()
    const starts = numbers(count).map((n) => made.start(pipeline, { ...valuesOf("in", 3, MB), n } as never))
    const ends = await Promise.allSettled(starts)
    say("3: taken", begun)
    for (const end of ends) {
      if (end.status === "rejected") expect(end.reason).toBeInstanceOf(Errors.StoreUnavailable)
    }
    const taken = ends.filter(({ status }) => status === "fulfilled").length
    expect(taken).toBe(count)
    await expectAll(url, taken)
    say("3: completed", begun)
    expect(calls).toHaveLength(taken)
    expectShort(link, "3")
  })

  test("100 steps that give six megabytes each are recorded", { timeout: TIMEOUT }, async () => {
    const count = figure(100, 10)
    const calls: Array<number> = []
    const steps = numbers(count).map((n) =>
      Task.make(`give${n}`, {
        input: {},
        output: keysOf(`out${n}_`, 6),
        run: () => {
          calls.push(n)
          return valuesOf(`out${n}_`, 6, MB)
        }
      })
    ) as ReadonlyArray<Task.Any>
    const pipeline = Pipeline.make("giving", steps as never) as Pipeline.Any
    const { link, url } = await linked()
    const made = levada([pipeline], { url: link.url })
    const begun = performance.now()
    await made.start(pipeline, {} as never)
    await expectAll(url, 1)
    say("4: completed", begun)
    expect(calls.toSorted((a, b) => a - b)).toEqual(numbers(count))
    expectShort(link, "4")
  })

  test("items beside six inputs of a megabyte are worked off, in many runs at once", { timeout: TIMEOUT }, async () => {
    const count = figure(50, 6)
    const { calls, task } = taking("take", 6)
    const pipeline = Pipeline.make("mapping", [Step.map(task, { over: { n: "ns" } })] as never) as Pipeline.Any
    const { link, url } = await linked()
    const made = levada([pipeline], { url: link.url })
    await made.pause("mapping")
    for (const _ of numbers(count)) await made.start(pipeline, { ...valuesOf("in", 6, MB), ns: [1, 2, 3] } as never)
    const begun = performance.now()
    await made.resume("mapping")
    await expectAll(url, count)
    say("items: completed", begun)
    expect(calls).toHaveLength(3 * count)
    expectShort(link, "items")
  })

  test("results of three megabytes that are remembered are given to many runs at once", {
    timeout: TIMEOUT
  }, async () => {
    const count = figure(60, 8)
    let calls = 0
    const remember = Task.make("remember", {
      input: { ...keysOf("in", 2), n: Schema.Number },
      output: keysOf("out", 3) as Readonly<Record<`out${number}`, typeof Schema.String>>,
      memo: { ttlMillis: 0 },
      run: () => {
        calls++
        return valuesOf("out", 3, MB) as never
      }
    })
    const pipeline = Pipeline.make("remembering", [remember]) as Pipeline.Any
    const { link, url } = await linked()
    const made = levada([pipeline], { url: link.url })
    const round = async (): Promise<void> => {
      await made.pause("remembering")
      for (const n of numbers(count)) await made.start(pipeline, { ...valuesOf("in", 2, MB), n } as never)
      await made.resume("remembering")
    }
    await round()
    await expectAll(url, count)
    expect(calls).toBe(count)
    const begun = performance.now()
    await round()
    await expectAll(url, 2 * count)
    say("remembered: completed", begun)
    expect(calls).toBe(count)
    expectShort(link, "remembered")
  })

  test.each([
    [1, 600, 25],
    [6, 100, 6]
  ])("missed ticks with %d MB of parameters are made up for", { timeout: TIMEOUT }, async (megas, most, few) => {
    const count = figure(most, few)
    const { task } = taking("take", megas)
    const pipeline = Pipeline.make("ticking", [task]) as Pipeline.Any
    const { link, url } = await linked()
    const parameters = { ...valuesOf("in", megas, `"${MB}"`), n: "1" }
    const everyMillis = 3_600_000
    // As a server would have left it that was last there so many ticks ago.
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const { schedules, now } = yield* RedisStore.make({ url })
          const nowMillis = yield* now
          const at = nowMillis - count * everyMillis + everyMillis / 2
          yield* schedules.put(
            {
              id: "s",
              pipelineId: "ticking",
              version: pipeline.version,
              timing: { everyMillis },
              parameters,
              catchUp: "all",
              overlap: "allow",
              priority: 0,
              graceMillis: 60_000,
              createdAtMillis: at - everyMillis,
              paused: false,
              nextAtMillis: at,
              lastAtMillis: undefined,
              lastRunId: undefined,
              fired: 0,
              skipped: 0
            },
            false
          )
        })
      )
    )
    const begun = performance.now()
    const made = levada([pipeline], { url: link.url })
    await made.ready
    const redis = client(url)
    await vi.waitFor(async () => expect(await redis.zcard("{levada}:all")).toBe(count), LONG)
    say(`5, ${megas} MB: fired`, begun)
    await expectAll(url, count)
    say(`5, ${megas} MB: completed`, begun)
    expect((await made.schedules()).map(({ fired, skipped }) => [fired, skipped])).toEqual([[count, 0]])
    // A schedule is read as a whole, with all of its parameters.
    expectShort(link, `5, ${megas} MB`, (megas + 1) * MEGA)
  })
})
