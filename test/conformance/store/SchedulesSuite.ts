/** Schedules of a Store: kept, watched by many, and each instant fired once. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "../../../core/run/Schedule.ts"
import { MAX_DUE, MAX_DUE_BYTES, type TakesAfter } from "../../../core/store/ScheduleStore.ts"
import { Store } from "../../../core/store/Store.ts"
import { claim, type Declare, done, finish, newRun, PIPELINE, settle, single, VERSION } from "./harness/Driving.ts"

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
    now + inMillis,
    VERSION
  )

/** The schedules that are due for a server. */
const dueFor = (takesAfter: TakesAfter) =>
  Effect.flatMap(Store, ({ schedules }) =>
    Effect.map(schedules.due(takesAfter), (all) => all.map(({ schedule }) => schedule))
  )

/** The Store's own time. */
const now = Effect.flatMap(Store, ({ submit, get, cancel }) =>
  Effect.gen(function* () {
    const runId = yield* submit(newRun(single, { pipelineId: "clock" }))
    yield* cancel(runId, "only to see the time")
    return (yield* get(runId)).submittedAtMillis
  })
)

/** A server that takes the schedules of one pipeline. */
const ours: TakesAfter = ({ pipelineId }) => (pipelineId === PIPELINE ? 0 : undefined)

const firing = (schedule: Schedule.Schedule, count = 1) => ({
  schedule,
  version: schedule.version,
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
      const due = yield* dueFor(ours)
      expect(due.map(({ id }) => id)).toEqual(["soon"])
      expect(yield* now).toBeGreaterThanOrEqual(at + 40)
      expect((yield* dueFor(({ pipelineId }) => (pipelineId === "q" ? 0 : undefined))).map(({ id }) => id)).toEqual([
        "foreign"
      ])
    })
  )

  test(
    "made while somebody waits, wake them in time",
    Effect.gen(function* () {
      const { schedules } = yield* Store
      const waiting = yield* Effect.forkChild(dueFor(ours), { startImmediately: true })
      yield* schedules.put(scheduleOf("s", yield* now, 5), false)
      expect((yield* Fiber.join(waiting)).map(({ id }) => id)).toEqual(["s"])
      const interrupted = yield* Effect.forkChild(
        dueFor(() => undefined),
        { startImmediately: true }
      )
      yield* Fiber.interrupt(interrupted)
    })
  )

  test(
    "each instant starts its run once, however many fire it",
    Effect.gen(function* () {
      const { schedules, list, get } = yield* Store
      yield* schedules.put(scheduleOf("s", yield* now, 0), false)
      const [due] = yield* dueFor(ours)
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
      const [due] = yield* dueFor(ours)
      expect(yield* schedules.pause("s")).toMatchObject({ paused: true })
      expect(yield* schedules.fire(firing(due!))).toBe(false)
      const waiting = yield* Effect.forkChild(dueFor(ours), { startImmediately: true })
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

  test(
    "many due at once are given in part, the longest due first; the others are due after these",
    Effect.gen(function* () {
      const { schedules } = yield* Store
      const at = yield* now
      const count = MAX_DUE + 50
      // The last one made is the longest due.
      for (let n = 0; n < count; n++) yield* schedules.put(scheduleOf(`s${n}`, at - count, count - n), false)
      yield* Effect.forEach(["x", "y"], (id) => schedules.put(scheduleOf(id, at, -MINUTE, { pipelineId: "q" }), false))
      const first = yield* dueFor(ours)
      expect(first.map(({ id }) => id)).toEqual(Array.from({ length: MAX_DUE }, (_, n) => `s${count - 1 - n}`))
      for (const schedule of first) expect(yield* schedules.fire(firing(schedule))).toBe(true)
      expect((yield* dueFor(ours)).map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, n) => `s${49 - n}`))
      expect((yield* schedules.list).map(({ id }) => id)).toEqual(
        [...Array.from({ length: count }, (_, n) => `s${n}`), "x", "y"].sort()
      )
    })
  )

  test(
    "large ones are given a few at a time, one at least, and all of them are listed",
    Effect.gen(function* () {
      const { schedules } = yield* Store
      const at = yield* now
      const put = (id: string, inMillis: number, bytes: number) =>
        schedules.put(scheduleOf(id, at, inMillis, { parameters: { x: `"${"x".repeat(bytes)}"` } }), false)
      yield* put("huge", -9, MAX_DUE_BYTES + 1_000)
      for (const [n, id] of ["a", "b", "c", "d", "e", "f"].entries()) yield* put(id, n - 8, 250_000)
      const due: Array<ReadonlyArray<string>> = []
      for (let found = 0; found < 7; ) {
        const some = yield* dueFor(ours)
        due.push(some.map(({ id }) => id))
        for (const schedule of some) yield* schedules.fire(firing(schedule, 0))
        found += some.length
      }
      expect(due).toEqual([["huge"], ["a", "b", "c", "d"], ["e", "f"]])
      expect((yield* schedules.list).map(({ parameters }) => parameters["x"]!.length)).toEqual([
        ...Array.from({ length: 6 }, () => 250_002),
        MAX_DUE_BYTES + 1_002
      ])
    })
  )

  test(
    "fired in slices, count every run and every dropped tick once",
    Effect.gen(function* () {
      const { schedules, list } = yield* Store
      const at = yield* now
      const seen = yield* schedules.put(scheduleOf("s", at, 0), false)
      const slice = (from: number, count: number, dropped: number) => ({
        // What the server saw at first, moved on by itself: it does not read the schedule again.
        schedule: { ...seen, nextAtMillis: at + from },
        version: VERSION,
        runs: Array.from({ length: count }, (_, n) =>
          newRun(single, { schedule: { id: "s", tickMillis: at + from + n } })
        ),
        dropped,
        nextAtMillis: at + from + count
      })
      expect(yield* schedules.fire(slice(0, 3, 5))).toBe(true)
      expect(yield* schedules.get("s")).toMatchObject({ fired: 3, skipped: 5, nextAtMillis: at + 3 })
      // Another server sees the rest, and is there first.
      expect(yield* schedules.fire(slice(3, 2, 0))).toBe(true)
      expect(yield* schedules.fire(slice(3, 3, 0))).toBe(false)
      expect(yield* schedules.fire(slice(5, 1, 0))).toBe(true)
      expect(yield* schedules.get("s")).toMatchObject({
        fired: 6,
        skipped: 5,
        lastAtMillis: at + 5,
        nextAtMillis: at + 6
      })
      const ticks = (yield* list({ pipelineId: PIPELINE, limit: 10 })).runs.map((run) => run.schedule!.tickMillis - at)
      expect(ticks.sort()).toEqual([0, 1, 2, 3, 4, 5])
    })
  )
}
