/** Ended runs leave no more on Redis than the bounds of the Store allow. */
import * as Schema from "effect/Schema"
import type { Redis } from "ioredis"
import { expect, inject, test, vi } from "vitest"
import { Levada, Pipeline, Step, Task } from "../../adapters/promise/index.ts"
import { doubling, Gate, held, heldItems, hold } from "./Gate.ts"
import { client, keys, levada, runKeys, SOON } from "./Resources.ts"

const N = Schema.Number
const url = inject("redisUrl")
const shared = test.skipIf(url === undefined)
let count = 0

/** A prefix that no other test uses. */
const here = () => ({ url: url!, prefix: `bounds-${process.pid}-${++count}` })

const numbers = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, n) => n)

/** Completes `many` runs, some at a time. */
const runMany = async (of: Levada.Levada, many: number): Promise<void> => {
  for (let from = 0; from < many; from += 100) {
    await Promise.all(numbers(100).map((n) => of.execute(doubling, { n: from + n })))
  }
}

const sized = async (redis: Redis, prefix: string, ...names: ReadonlyArray<string>): Promise<ReadonlyArray<number>> =>
  Promise.all(names.map((name) => redis.zcard(`{${prefix}}:${name}`)))

/** The keys of kept ended runs. */
const REMAINS = /^(?:r:.*|g:.*|x:.*|z:.*|p:.*|(?:all|failed|cancelled)(?::.*)?|ended|memos|memo:.*|key:.*)$/

/** Waits until only keys of kept ended runs exist. */
const expectRemains = (redis: Redis, prefix: string): Promise<void> =>
  vi.waitFor(async () => {
    expect((await runKeys(redis, prefix)).filter((key) => !REMAINS.test(key))).toEqual([])
  }, SOON)

shared("the feed keeps about 10,000 changes, and a reader that is further behind gets a gap", async () => {
  const store = here()
  const redis = client(url!)
  const made = levada([doubling], store)
  await made.execute(doubling, { n: 1 })
  const [first] = await Array.fromAsync(take(made.feed({ after: "0" }), 1))
  const key = `{${store.prefix}}:feed`
  const [[, entry]] = (await redis.xrange(key, "-", "+", "COUNT", 1)) as [[string, Array<string>]]
  const filling = redis.pipeline()
  for (let n = 0; n < 12_000; n++) filling.xadd(key, "*", ...entry)
  await filling.exec()
  const [next] = await Array.fromAsync(take(made.feed({ after: first!.cursor }), 1))
  expect(next!.isBehindGap).toBe(false)
  await made.execute(doubling, { n: 2 })
  expect(await redis.xlen(key)).toBeLessThan(10_300)
  // The process that has just read them still caches some removed ones; another process does not.
  const late = await Array.fromAsync(take(made.feed({ after: first!.cursor }), 1_000))
  expect(late.some(({ isBehindGap }) => isBehindGap)).toBe(true)
  const [there] = await Array.fromAsync(take(levada([doubling], store).feed({ after: first!.cursor }), 1))
  expect(there!.isBehindGap).toBe(true)
})

/** The first so many. */
async function* take<A>(items: AsyncIterable<A>, count: number): AsyncGenerator<A> {
  let seen = 0
  for await (const item of items) {
    yield item
    if (++seen >= count) return
  }
}

shared("historyCount bounds the kept runs and the number of keys", async () => {
  const store = { ...here(), historyCount: 100 }
  const redis = client(url!)
  const made = levada([doubling], store)
  // A tenth more than the bound may be there.
  const bounded = () =>
    vi.waitFor(async () => expect((await sized(redis, store.prefix, "ended"))[0]).toBeLessThanOrEqual(110), SOON)
  await runMany(made, 500)
  await bounded()
  const before = (await keys(redis, store.prefix)).length
  await runMany(made, 3_000)
  await bounded()
  const after = await keys(redis, store.prefix)
  const [all, ofPipeline, ended, unfinished] = await sized(
    redis,
    store.prefix,
    "all",
    "all:doubling",
    "ended",
    "unfinished"
  )
  expect(ended).toBeGreaterThanOrEqual(100)
  expect([all, ofPipeline, unfinished]).toEqual([ended, ended, 0])
  expect(after.filter((key) => key.startsWith("r:"))).toHaveLength(ended!)
  expect(Math.abs(after.length - before)).toBeLessThanOrEqual(12)
  expect(after.length).toBeLessThan(140)
  const plan = after.filter((key) => key.startsWith("p:"))
  expect(plan).toHaveLength(1)
  expect(await redis.hget(`{${store.prefix}}:${plan[0]}`, "#")).toBe(String(ended))
  // The kept runs are the newest.
  const { runs } = await made.runs({ limit: 100 })
  const kept = await Promise.all(runs.map(({ id }) => made.run(id)))
  expect(kept.map(({ parameters }) => Number(parameters["n"])).every((n) => n >= 2_500)).toBe(true)
})

shared(
  "each waiting caller gets its run, even if historyCount is smaller than the number of waiting callers",
  async () => {
    const store = { ...here(), historyCount: 10 }
    const made = levada([doubling], store)
    const results = await Promise.all(numbers(250).map((n) => made.execute(doubling, { n })))
    expect(results).toEqual(numbers(250).map((n) => 2 * n))
    const redis = client(url!)
    await vi.waitFor(async () => expect((await sized(redis, store.prefix, "ended"))[0]).toBeLessThanOrEqual(11), SOON)
  }
)

shared("runs older than historyMillis are removed with all their keys and their plan", async () => {
  const store = { ...here(), historyMillis: 200 }
  const redis = client(url!)
  const lined = Pipeline.make("lined", [
    Task.make("say", {
      input: { n: N },
      output: { said: N },
      run: ({ n }, { log, progress }) => {
        log("one line", { n })
        progress(1, 2)
        return { said: n }
      }
    })
  ])
  const made = levada([doubling, lined], store)
  const runIds = await Promise.all(numbers(50).map((n) => made.start(lined, { n })))
  await made.execute(doubling, { n: 1 })
  await Promise.all(runIds.map((runId) => made.result(lined, runId).catch(() => undefined)))
  await vi.waitFor(async () => expect(await runKeys(redis, store.prefix)).toEqual([]), SOON)
  await expect(made.run(runIds[0]!)).rejects.toMatchObject({ _tag: "RunNotFound" })
  expect((await made.runs()).runs).toEqual([])
  // Forgotten runs do not block new ones.
  expect(await made.execute(doubling, { n: 1 })).toBe(2)
})

shared("memoCount bounds the memoised results; the last used ones stay", async () => {
  const store = { ...here(), memoCount: 10 }
  const redis = client(url!)
  const calls: Array<number> = []
  const square = Task.make("square", {
    input: { n: N },
    output: { squared: N },
    memo: { ttlMillis: 0 },
    run: ({ n }) => {
      calls.push(n)
      return { squared: n * n }
    }
  })
  const pipeline = Pipeline.make("p", [square])
  const made = levada([pipeline], store)
  for (const n of numbers(60)) {
    await made.execute(pipeline, { n })
    // A result that is used all the time stays.
    await made.execute(pipeline, { n: 0 })
  }
  const kept = (await keys(redis, store.prefix)).filter((key) => key.startsWith("memo:"))
  expect(kept).toHaveLength(10)
  expect(await sized(redis, store.prefix, "memos")).toEqual([10])
  expect(calls).toHaveLength(60)
  await made.execute(pipeline, { n: 59 })
  expect(calls).toHaveLength(60)
  await made.execute(pipeline, { n: 5 })
  expect(calls).toHaveLength(61)
})

/** Every way in which a run can end. */
const ways: Readonly<Record<string, (of: Levada.Levada, gate: Gate) => Promise<unknown>>> = {
  "is completed": (of) => of.execute(doubling, { n: 1 }),
  "has items": async (of, gate) => {
    gate.open()
    await of.execute(heldItems(gate), { ns: numbers(20) })
  },
  "is cancelled while it runs": async (of, gate) => {
    const runId = await of.start(held(gate), { n: 1 })
    await vi.waitFor(() => expect(gate.begun).toHaveLength(1), SOON)
    await of.cancel(runId)
  },
  "is cancelled while its items run": async (of, gate) => {
    const runId = await of.start(heldItems(gate), { ns: numbers(20) })
    await vi.waitFor(() => expect(gate.begun.length).toBeGreaterThan(3), SOON)
    await of.cancel(runId)
  },
  "times out": async (of, gate) => {
    const runId = await of.start(held(gate), { n: 1 }, { timeoutMillis: 50 })
    await expect(of.result(held(gate), runId)).rejects.toMatchObject({ error: { name: "RunTimedOut" } })
  },
  "has a time limit and ends in time": async (of) => {
    expect(await of.execute(doubling, { n: 1 }, { timeoutMillis: 600_000 })).toBe(2)
  },
  "is cancelled before it begins": async (of) => {
    await of.cancel(await of.start(doubling, { n: 1 }, { delayMillis: 600_000, timeoutMillis: 600_000 }))
  },
  "begins late": async (of) => {
    expect(await of.execute(doubling, { n: 1 }, { delayMillis: 30, timeoutMillis: 600_000 })).toBe(2)
  },
  "is cancelled while it waits for a limit": async (of, gate) => {
    const runIds = await Promise.all(numbers(4).map((n) => of.start(limited(gate), { n })))
    await vi.waitFor(() => expect(gate.begun).toHaveLength(2), SOON)
    for (const runId of runIds.reverse()) await of.cancel(runId)
  },
  "is cancelled while it waits for other runs": async (of, gate) => {
    const runIds = await Promise.all(numbers(4).map((n) => of.start(oneByOne(gate), { n })))
    await vi.waitFor(() => expect(gate.begun).toHaveLength(1), SOON)
    for (const runId of runIds.reverse()) await of.cancel(runId)
  },
  "is cancelled while it waits for a retry": async (of) => {
    const runId = await of.start(retried, { n: 1 })
    await vi.waitFor(async () => expect((await of.run(runId)).steps[0]!.retryAtMillis).toBeDefined(), SOON)
    await of.cancel(runId)
  },
  "is cancelled while its items wait for retries": async (of) => {
    const runId = await of.start(retriedItems, { ns: numbers(5) })
    await vi.waitFor(async () => {
      let seen = 0
      for await (const { type } of of.watch(runId)) if (type === "StepRetried" && ++seen === 5) break
      expect(seen).toBe(5)
    }, SOON)
    await of.cancel(runId)
  },
  "is cancelled while it waits for a memoised result of another run": async (of, gate) => {
    const runIds = await Promise.all(numbers(4).map(() => of.start(memoised(gate), { n: 1 })))
    await vi.waitFor(() => expect(gate.begun).toHaveLength(1), SOON)
    for (const runId of runIds) await of.cancel(runId)
  },
  "has a step that is cancelled, and fails": async (of, gate) => {
    const runId = await of.start(held(gate), { n: 1 })
    await vi.waitFor(() => expect(gate.begun).toHaveLength(1), SOON)
    await of.cancelStep(runId, "hold")
  },
  "fails while its other steps run": async (of, gate) => {
    await expect(of.execute(failing(gate), { n: 1 })).rejects.toMatchObject({ _tag: "RunFailed" })
  }
}

const limited = (gate: Gate) => Pipeline.make("limited", [hold(gate, "", { limit: { key: "door", max: 2 } })])
const oneByOne = (gate: Gate) => Pipeline.make("oneByOne", [hold(gate)], { limit: { runs: 1 } })
const memoised = (gate: Gate) => Pipeline.make("memoised", [hold(gate, "", { memo: { ttlMillis: 0 } })])
const no = Task.make("no", {
  input: { n: N },
  output: { never: N },
  retry: { times: 3, delayMillis: 600_000 },
  run: async (): Promise<{ never: number }> => {
    throw new Error("no")
  }
})
const retried = Pipeline.make("retried", [no])
const retriedItems = Pipeline.make("retriedItems", [Step.map(no, { over: { n: "ns" } })])
const failing = (gate: Gate) =>
  Pipeline.make("failing", [
    hold(gate),
    Task.make("fail", {
      input: { n: N },
      output: { failed: N },
      run: async () => {
        await vi.waitFor(() => expect(gate.begun).toHaveLength(1), SOON)
        throw new Error("no")
      }
    })
  ])

const pipelinesOf = (gate: Gate) => [
  doubling,
  held(gate),
  heldItems(gate),
  limited(gate),
  oneByOne(gate),
  memoised(gate),
  retried,
  retriedItems,
  failing(gate)
]

shared.each(Object.keys(ways))(
  "a run that %s leaves no deadline, lease, held limit or queued unit, and after its removal no key",
  async (way) => {
    const store = here()
    const redis = client(url!)
    const gate = new Gate()
    const made = levada(pipelinesOf(gate), store)
    await ways[way]!(made, gate)
    await expectRemains(redis, store.prefix)
    const { runs } = await made.runs()
    expect(runs.length).toBeGreaterThan(0)
    expect(await sized(redis, store.prefix, "ended", "all")).toEqual([runs.length, runs.length])
    for (const { id } of runs) await made.remove(id)
    const rest = (await runKeys(redis, store.prefix)).filter((key) => !key.startsWith("memo"))
    expect(rest).toEqual([])
  }
)

shared("runs that end without a worker leave nothing queued", async () => {
  const store = here()
  const redis = client(url!)
  const made = levada([doubling], store, { worker: false })
  const runIds = await Promise.all(numbers(30).map((n) => made.start(doubling, { n })))
  for (const runId of runIds) await made.cancel(runId)
  for (const runId of runIds) await made.remove(runId)
  await vi.waitFor(async () => expect(await runKeys(redis, store.prefix)).toEqual([]), { ...SOON, timeout: 5_000 })
})

shared("a run that ends while its items wait for another attempt leaves none of them queued", async () => {
  const store = here()
  const redis = client(url!)
  const gate = new Gate()
  const working = levada([heldItems(gate)], store, { worker: { concurrency: 3 } })
  const runId = await working.start(heldItems(gate), { ns: numbers(5) })
  await vi.waitFor(() => expect(gate.begun).toHaveLength(3), SOON)
  // The worker releases its three items.
  await working.close()
  expect(await redis.llen(`{${store.prefix}}:y:${runId}:0`)).toBe(3)
  await levada([heldItems(gate)], store, { worker: false }).cancel(runId)
  await expectRemains(redis, store.prefix)
})

shared("a plan is kept as long as it has runs, and sent again with the next run", async () => {
  const store = here()
  const redis = client(url!)
  const made = levada([doubling], store)
  const plans = async () => (await keys(redis, store.prefix)).filter((key) => key.startsWith("p:"))
  const runIds: Array<string> = []
  for (const n of numbers(3)) {
    await made.execute(doubling, { n })
    runIds.push((await made.runs({ limit: 1 })).runs[0]!.id)
  }
  expect(await plans()).toHaveLength(1)
  for (const runId of runIds.slice(1)) await made.remove(runId)
  expect(await plans()).toHaveLength(1)
  expect((await made.run(runIds[0]!)).status).toBe("COMPLETED")
  await made.remove(runIds[0]!)
  expect(await plans()).toEqual([])
  expect(await made.execute(doubling, { n: 4 })).toBe(8)
  expect(await plans()).toHaveLength(1)
  expect(await redis.ttl(`{${store.prefix}}:${(await plans())[0]}`)).toBe(-1)
})

shared("a removed run frees its idempotency key, and a removed schedule leaves no keys", async () => {
  const store = here()
  const redis = client(url!)
  const made = levada([doubling], store)
  const start = () => made.start(doubling, { n: 1 }, { idempotencyKey: "k" })
  const runId = await start()
  await made.result(doubling, runId)
  expect(await start()).toBe(runId)
  expect(await redis.pttl(`{${store.prefix}}:key:doubling\nk`)).toBeGreaterThan(0)
  await made.remove(runId)
  const other = await start()
  expect(other).not.toBe(runId)
  await made.result(doubling, other)
  await made.remove(other)
  const timing = { everyMillis: 1_000 }
  await made.addSchedule(Levada.schedule(doubling, { id: "s", timing, parameters: { n: 1 } }))
  await vi.waitFor(async () => expect((await made.schedules())[0]!.fired).toBe(1), SOON)
  await made.removeSchedule("s")
  const fired = (await made.runs()).runs[0]!.id
  await made.result(doubling, fired)
  await made.remove(fired)
  await vi.waitFor(async () => expect(await runKeys(redis, store.prefix)).toEqual([]), SOON)
})
