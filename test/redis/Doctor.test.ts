/** What the doctor finds, and brings back. */
import * as Effect from "effect/Effect"
import { expect, inject, test } from "vitest"
import { RedisDoctor, RedisStore } from "../../adapters/redis/index.ts"
import * as Schedule from "../../core/run/Schedule.ts"
import { Store } from "../../core/store/Store.ts"
import { newRun, single } from "../conformance/store/harness/Driving.ts"
import { client } from "./Opening.ts"

const url = inject("redisUrl")
const shared = test.skipIf(url === undefined)
let count = 0

/** Where no Store runs, so that nothing is mended meanwhile; a lease of no length makes nothing too young to be looked at. */
const here = () => ({ url: url!, prefix: `doctor-${process.pid}-${++count}`, leaseMillis: 100 })

shared("work that is in no queue is a problem, until it is mended; what has ended stays kept", async () => {
  const at = here()
  const runIds = await Effect.runPromise(
    Effect.gen(function* () {
      const { submit, cancel } = yield* Store
      const ended = yield* submit(newRun(single))
      yield* cancel(ended, "not wanted")
      return [ended, yield* submit(newRun(single)), yield* submit(newRun(single))]
    }).pipe(Effect.provide(RedisStore.layer({ ...at, leaseMillis: 60_000 })))
  )
  const redis = client(url!)
  const keys = `{${at.prefix}}:`
  const [queue] = await redis.zrange(`${keys}ready`, "0", "-1")
  await redis.del(`${keys}q:${queue}`)
  await redis.zrem(`${keys}ready`, queue!)
  const examine = () => Effect.runPromise(RedisDoctor.examine(at))
  await expect.poll(async () => (await examine()).stranded.problems.length, { timeout: 10_000 }).toBeGreaterThan(0)
  const before = await examine()
  expect(before.stranded.hasMore).toBe(false)
  for (const runId of runIds.slice(1)) {
    expect(before.problems).toContainEqual(expect.stringContaining(`of run '${runId}' is ready, and is not queued`))
  }
  expect(await redis.zcard(`${keys}ready`)).toBe(0)
  const { problems } = await Effect.runPromise(RedisDoctor.mend({ ...at, historyCount: 1 }))
  expect(problems).toEqual(before.stranded.problems)
  const after = await examine()
  expect(after.stranded).toEqual({ problems: [], hasMore: false })
  expect(after.waiting).toMatchObject([{ steps: 2, hasWorker: false }])
  expect(after.ended).toBe(1)
})

shared("a schedule that no server fires is a problem", async () => {
  const at = here()
  await Effect.runPromise(
    Effect.gen(function* () {
      const { schedules, now } = yield* Store
      const instant = yield* now
      const definition = {
        id: "s",
        pipelineId: "p",
        timing: { everyMillis: 3_600_000 },
        parameters: {},
        catchUp: "one",
        overlap: "skip",
        priority: 0,
        graceMillis: 0
      } as const
      yield* schedules.put(Schedule.make(definition, instant, instant - 61_000, "v1"), false)
    }).pipe(Effect.provide(RedisStore.layer(at)))
  )
  const { overdue, problems } = await Effect.runPromise(RedisDoctor.examine(at))
  expect(overdue).toEqual([{ id: "s", pipelineId: "p" }])
  expect(problems).toContain("Schedule 's' of pipeline 'p' is overdue: no server fires it")
})
