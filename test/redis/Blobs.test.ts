/** A blob store that refuses a value, loses one, or returns invalid references affects no other runs. */
import * as Schema from "effect/Schema"
import { expect, inject, test, vi } from "vitest"
import { Errors, Pipeline, Task } from "../../adapters/promise/index.ts"
import type { RedisStore } from "../../adapters/redis/index.ts"
import { client, levada, SOON } from "./Resources.ts"

const url = inject("redisUrl")
const shared = test.skipIf(url === undefined)
const S = Schema.String
let count = 0

const COUNT = 40

/** A blob store in memory. `meddle` may change the reference, or throw. */
const place = (meddle: (text: string, own: string) => unknown = (_, own) => own) => {
  const kept = new Map<string, string>()
  let puts = 0
  const blobs: NonNullable<RedisStore.Options["blobs"]> = {
    threshold: 100,
    put: async (text) => {
      const own = String(++puts)
      const reference = meddle(text, own)
      kept.set(String(reference), text)
      return reference as string
    },
    get: async (reference) => {
      const text = kept.get(reference)
      if (text === undefined) throw new Error(`no such object: ${reference}`)
      return text
    },
    remove: async (reference) => void kept.delete(reference)
  }
  return { blobs, kept }
}

const here = (blobs: RedisStore.Options["blobs"], more: RedisStore.Options = {}): RedisStore.Options => ({
  url: url!,
  prefix: `blobs-${process.pid}-${++count}`,
  ...(blobs && { blobs }),
  ...more
})

const pipeline = Pipeline.make("copy", [
  Task.make("copy", { input: { text: S }, output: { copied: S }, run: ({ text }) => ({ copied: `${text}!` }) })
])

const textOf = (n: number): string => `${n} ${"x".repeat(200)}`

const numbers = Array.from({ length: COUNT }, (_, n) => n)

/** Makes waiting retries due at once, until `is` returns true. */
const hastening = async (prefix: string, is: () => Promise<void>): Promise<void> => {
  const redis = client(url!)
  await vi.waitFor(async () => {
    for (const due of await redis.zrange(`{${prefix}}:due`, 0, "-1")) {
      await redis.zadd(`{${prefix}}:due`, "XX", 0, due)
    }
    await is()
  }, SOON)
}

shared("the threshold counts bytes of UTF-8, not characters", async () => {
  const { blobs, kept } = place()
  const made = levada([pipeline], here(blobs), { worker: false })
  // With its two quotes, the text has 99 bytes, then 100.
  await made.start(pipeline, { text: `x${"ü".repeat(48)}` })
  expect(kept.size).toBe(0)
  await made.start(pipeline, { text: "ü".repeat(49) })
  expect([...kept.values()]).toEqual([`"${"ü".repeat(49)}"`])
})

const BAD: ReadonlyArray<readonly [string, unknown]> = [
  ["empty", ""],
  ["of two lines", "a\nb"],
  ["with half of a pair", "a\ud83d"],
  ["of 1,001 characters", "r".repeat(1_001)],
  ["a number", 7],
  ["nothing", undefined]
]

shared.each(BAD)(
  "a reference that is %s is refused with the name of the option, and the run leaves no keys",
  async (_, bad) => {
    const { blobs, kept } = place((text, own) => (text.startsWith('"bad') ? bad : own))
    const store = here(blobs)
    const two = Pipeline.make("two", [
      Task.make("both", {
        input: { one: S, other: S },
        output: { both: S },
        run: ({ one, other }) => ({ both: one + other })
      })
    ])
    const made = levada([two], store, { worker: false })
    const starts = numbers.map((n) =>
      made.start(two, { one: textOf(n), other: n === 17 ? `bad ${textOf(n)}` : textOf(n) })
    )
    const ends = await Promise.allSettled(starts)
    expect(ends.flatMap(({ status }, n) => (status === "rejected" ? [n] : []))).toEqual([17])
    const { reason } = ends[17] as PromiseRejectedResult
    expect(reason).toBeInstanceOf(Errors.StoreUnavailable)
    expect((reason as Error).message).toContain(
      "Can't store the values of a run of 'two' in the blob store: `store.blobs.put` returned"
    )
    // The other value of the run was removed. The bad one stays, because its reference is invalid.
    expect([...kept.values()].filter((text) => text.startsWith('"17 '))).toEqual([])
    expect((await made.runs({ limit: 100 })).runs).toHaveLength(COUNT - 1)
  }
)

shared("outputs that the blob store refuses fail only their step, after retries", async () => {
  const { blobs } = place((text, own) => {
    if (text === JSON.stringify(`${textOf(17)}!`)) throw new Error("the bucket is full")
    return text === JSON.stringify(`${textOf(23)}!`) ? "a\nb" : own
  })
  const store = here(blobs)
  const made = levada([pipeline], store)
  const runIds = await Promise.all(numbers.map((n) => made.start(pipeline, { text: textOf(n) })))
  await hastening(store.prefix!, async () => {
    expect((await made.runs({ statuses: ["FAILED"] })).runs).toHaveLength(2)
    expect((await made.runs({ statuses: ["COMPLETED"], limit: 100 })).runs).toHaveLength(COUNT - 2)
  })
  const reasons = { 17: "the bucket is full", 23: "`store.blobs.put` returned 'a\nb' as the reference" }
  for (const [n, reason] of Object.entries(reasons)) {
    const { error, steps } = await made.run(runIds[Number(n)]!)
    expect(error).toMatchObject({ name: "ValueUnavailable", step: "copy" })
    expect(error!.message).toContain("Can't store the outputs of step 'copy' in the blob store: ")
    expect(error!.message).toContain(reason)
    expect(steps[0]!.attempts).toBe(6)
  }
})

shared("a value that the blob store has lost fails only its run, after retries", async () => {
  const { blobs, kept } = place()
  const store = here(blobs)
  const made = levada([pipeline], store, { worker: false })
  const runIds = await Promise.all(numbers.map((n) => made.start(pipeline, { text: textOf(n) })))
  const [reference] = [...kept].find(([, text]) => text === JSON.stringify(textOf(17)))!
  kept.delete(reference)
  const worker = levada([pipeline], store)
  const redis = client(url!)
  const header = (n: number) => redis.hget(`{${store.prefix}}:r:${runIds[n]}`, "h")
  await hastening(store.prefix!, async () => {
    for (const n of numbers) expect((await header(n))![0]).toBe(n === 17 ? "F" : "C")
  })
  const failed = (await redis.hvals(`{${store.prefix}}:r:${runIds[17]}`)).find((text) => text.startsWith('["RF"'))!
  const [, , error] = JSON.parse(failed) as [string, number, Error]
  expect(error).toMatchObject({ name: "ValueUnavailable", step: "copy" })
  expect(error.message).toContain("Can't load the input 'text' of step 'copy'")
  expect(error.message).toContain(`no such object: ${reference}`)
  // The run itself can't be shown whole, and says so.
  await expect(worker.run(runIds[17]!)).rejects.toMatchObject({ _tag: "StoreUnavailable" })
  expect((await worker.run(runIds[18]!)).outputs).toEqual({ copied: JSON.stringify(`${textOf(18)}!`) })
})

shared("blobs are removed with their runs, by retention and by `remove`", async () => {
  const { blobs, kept } = place()
  const store = here(blobs, { historyCount: 5 })
  const made = levada([pipeline], store)
  await Promise.all(numbers.map((n) => made.execute(pipeline, { text: textOf(n) })))
  // Two values for each kept run.
  const leftOf = async (most: number): Promise<void> =>
    vi.waitFor(async () => {
      const { runs } = await made.runs({ limit: 100 })
      expect(runs.length).toBeLessThanOrEqual(most)
      expect(kept.size).toBe(2 * runs.length)
    }, SOON)
  await leftOf(6)
  for (const { id } of (await made.runs({ limit: 100 })).runs) await made.remove(id)
  await leftOf(0)
})
