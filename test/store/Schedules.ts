/** Schedules of a Store: kept, watched by many, and each instant fired once. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "../../core/Schedule.ts"
import { Store } from "../../core/Store.ts"
import { claim, type Declare, done, finish, newRun, PIPELINE, settle, single } from "./Acting.ts"

const MINUTE = 60_000

const scheduleOf = (
  id: string,
  now: number,
  inMillis: number,
  more: Partial<Schedule.Definition> = {}
): Schedule.Schedule =>
  Schedule.make(
    {
      id,
      pipelineId: PIPELINE,
      timing: { everyMillis: MINUTE },
      parameters: { x: "1" },
      catchUp: "skip",
      overlap: "allow",
      priority: 0,
      graceMillis: MINUTE,
      ...more
    },
    now,
    now + inMillis
  )

/** The Store's own time. */
const now = Effect.flatMap(Store, ({ submit, get, cancel }) =>
  Effect.gen(function* () {
    const runId = yield* submit(newRun(single, { pipelineId: "clock" }))
    yield* cancel(runId, "only to see the time")
    return (yield* get(runId)).submittedAtMillis
  })
)

const mine = new Set([PIPELINE])

const firing = (schedule: Schedule.Schedule, count = 1) => ({
  schedule,
  runs: Array.from({ length: count }, (_, at) =>
    newRun(single, { schedule: { id: schedule.id, tickMillis: schedule.nextAtMillis + at } })
  ),
  dropped: 0,
  nextAtMillis: schedule.nextAtMillis + MINUTE
})

export const schedules = (test: Declare): void => {
  test(
    "are kept by id; the same definition again is the one that is there, another one is refused or replaces it",
    Effect.gen(function* () {
      const { schedules } = yield* Store
      const at = yield* now
      const first = scheduleOf("s", at, MINUTE)
      expect(yield* schedules.put(first, false)).toEqual(first)
      expect(yield* schedules.put(scheduleOf("s", at + 5, MINUTE), false)).toEqual(first)
      const other = scheduleOf("s", at, MINUTE, { overlap: "skip" })
      expect(yield* Effect.flip(schedules.put(other, false))).toMatchObject({ _tag: "ScheduleExists", scheduleId: "s" })
      expect(yield* schedules.put(other, true)).toEqual(other)
      yield* schedules.put(scheduleOf("a", at, MINUTE), false)
      expect((yield* schedules.list).map(({ id }) => id)).toEqual(["a", "s"])
      expect(yield* schedules.get("s")).toEqual(other)
      yield* schedules.remove("s")
      for (const way of [schedules.get("s"), schedules.remove("s"), schedules.pause("s"), schedules.resume("s", at)]) {
        expect(yield* Effect.flip(way as Effect.Effect<unknown, { readonly _tag: string }>)).toMatchObject({
          _tag: "ScheduleNotFound"
        })
      }
    })
  )

  test(
    "are due when their time has come and not before, for those who have their pipeline",
    Effect.gen(function* () {
      const { schedules } = yield* Store
      const at = yield* now
      yield* schedules.put(scheduleOf("later", at, MINUTE), false)
      yield* schedules.put(scheduleOf("soon", at, 40), false)
      yield* schedules.put(scheduleOf("foreign", at, 10, { pipelineId: "q" }), false)
      const due = yield* schedules.due(mine)
      expect(due.map(({ id }) => id)).toEqual(["soon"])
      expect(yield* now).toBeGreaterThanOrEqual(at + 40)
      expect((yield* schedules.due(new Set(["q"]))).map(({ id }) => id)).toEqual(["foreign"])
    })
  )

  test(
    "made while somebody waits, wake them in time",
    Effect.gen(function* () {
      const { schedules } = yield* Store
      const waiting = yield* Effect.forkChild(schedules.due(mine), { startImmediately: true })
      yield* schedules.put(scheduleOf("s", yield* now, 5), false)
      expect((yield* Fiber.join(waiting)).map(({ id }) => id)).toEqual(["s"])
      const interrupted = yield* Effect.forkChild(schedules.due(new Set(["none"])), { startImmediately: true })
      yield* Fiber.interrupt(interrupted)
    })
  )

  test(
    "each instant starts its run once, however many fire it",
    Effect.gen(function* () {
      const { schedules, list, get } = yield* Store
      yield* schedules.put(scheduleOf("s", yield* now, 0), false)
      const [due] = yield* schedules.due(mine)
      const fired = yield* Effect.forEach(Array.from({ length: 10 }), () => schedules.fire(firing(due!)), {
        concurrency: "unbounded"
      })
      expect(fired.filter(Boolean)).toHaveLength(1)
      const { runs } = yield* list({ pipelineId: PIPELINE, limit: 10 })
      expect(runs).toHaveLength(1)
      expect(yield* get(runs[0]!.id)).toMatchObject({ schedule: { id: "s", tickMillis: due!.nextAtMillis } })
      expect(yield* schedules.get("s")).toMatchObject({
        fired: 1,
        skipped: 0,
        lastRunId: runs[0]!.id,
        lastAtMillis: due!.nextAtMillis,
        nextAtMillis: due!.nextAtMillis + MINUTE
      })
      expect(yield* schedules.fire(firing(due!))).toBe(false)
    })
  )

  test(
    "under skip start none while a run of theirs is not over, and count it",
    Effect.gen(function* () {
      const { schedules, list } = yield* Store
      yield* schedules.put(scheduleOf("s", yield* now, 0, { overlap: "skip" }), false)
      const fire = (count = 1) =>
        Effect.flatMap(schedules.get("s"), (schedule) => schedules.fire({ ...firing(schedule, count), dropped: 2 }))
      yield* fire(3)
      expect(yield* schedules.get("s")).toMatchObject({ fired: 1, skipped: 4 })
      yield* fire()
      expect(yield* schedules.get("s")).toMatchObject({ fired: 1, skipped: 7 })
      const [work] = yield* claim(1)
      yield* settle([work!, done()])
      yield* fire()
      expect(yield* schedules.get("s")).toMatchObject({ fired: 2, skipped: 9 })
      expect((yield* list({ pipelineId: PIPELINE, limit: 10 })).runs).toHaveLength(2)
    })
  )

  test(
    "paused are not due and do not fire; resumed, they go on at the instant that is said",
    Effect.gen(function* () {
      const { schedules, list } = yield* Store
      const at = yield* now
      yield* schedules.put(scheduleOf("s", at, 0), false)
      const [due] = yield* schedules.due(mine)
      expect(yield* schedules.pause("s")).toMatchObject({ paused: true })
      expect(yield* schedules.fire(firing(due!))).toBe(false)
      const waiting = yield* Effect.forkChild(schedules.due(mine), { startImmediately: true })
      yield* Effect.sleep(10)
      expect(waiting.pollUnsafe()).toBeUndefined()
      expect((yield* list({ pipelineId: PIPELINE, limit: 1 })).runs).toEqual([])
      expect(yield* schedules.resume("s", at + 5)).toMatchObject({ paused: false, nextAtMillis: at + 5 })
      expect((yield* Fiber.join(waiting)).map(({ id }) => id)).toEqual(["s"])
    })
  )

  test(
    "removed, replaced or fired by another since, do not fire",
    Effect.gen(function* () {
      const { schedules, list } = yield* Store
      const at = yield* now
      const first = yield* schedules.put(scheduleOf("s", at, 0), false)
      yield* schedules.put(scheduleOf("s", at, 0, { priority: 1 }), true)
      expect(yield* schedules.fire(firing(first))).toBe(false)
      const second = yield* schedules.get("s")
      yield* schedules.remove("s")
      expect(yield* schedules.fire(firing(second))).toBe(false)
      expect((yield* list({ pipelineId: PIPELINE, limit: 1 })).runs).toEqual([])
      yield* finish(yield* Effect.flatMap(Store, ({ submit }) => submit(newRun(single))))
    })
  )

  test(
    "replaced while a run of theirs goes on, count that run as their own until it is over",
    Effect.gen(function* () {
      const { schedules, list } = yield* Store
      const at = yield* now
      const fire = Effect.flatMap(schedules.get("s"), (schedule) => schedules.fire(firing(schedule)))
      yield* schedules.put(scheduleOf("s", at, 0, { overlap: "skip" }), false)
      yield* fire
      yield* schedules.put(scheduleOf("s", at, 0, { overlap: "skip", priority: 1 }), true)
      expect(yield* schedules.get("s")).toMatchObject({ priority: 1, fired: 0, skipped: 0 })
      expect(yield* fire).toBe(true)
      expect(yield* schedules.get("s")).toMatchObject({ fired: 0, skipped: 1 })
      const [work] = yield* claim(1)
      yield* settle([work!, done()])
      // Over once, it makes room for one, and not for two.
      for (const _ of [1, 2]) yield* fire
      expect(yield* schedules.get("s")).toMatchObject({ fired: 1, skipped: 2 })
      expect((yield* list({ pipelineId: PIPELINE, limit: 10 })).runs).toHaveLength(2)
    })
  )

  test(
    "removed while a run of theirs goes on, leave nothing to who is made anew under their id",
    Effect.gen(function* () {
      const { schedules, list } = yield* Store
      const at = yield* now
      const fire = Effect.flatMap(schedules.get("s"), (schedule) => schedules.fire(firing(schedule)))
      yield* schedules.put(scheduleOf("s", at, 0, { overlap: "skip" }), false)
      yield* fire
      yield* schedules.remove("s")
      yield* schedules.put(scheduleOf("s", at, 0, { overlap: "skip" }), false)
      yield* fire
      const [old] = yield* claim(1)
      yield* settle([old!, done()])
      // The run of the one that is gone was none of its own, and so is its end.
      yield* fire
      expect(yield* schedules.get("s")).toMatchObject({ fired: 1, skipped: 1 })
      expect((yield* list({ pipelineId: PIPELINE, limit: 10 })).runs).toHaveLength(2)
    })
  )
}
