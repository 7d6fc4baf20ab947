/** Runs of a version that no worker has: told of, and in nobody's way. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Plan } from "../../../core/pipeline/Plan.ts"
import * as Version from "../../../core/pipeline/Version.ts"
import * as Schedule from "../../../core/run/Schedule.ts"
import { Store } from "../../../core/store/Store.ts"
import type { ClaimRequest } from "../../../core/store/Work.ts"
import type { Limit } from "../../../core/values/Limit.ts"
import { type Declare, done, newRun, PIPELINE, planOf, runsOf, single } from "./harness/Driving.ts"

const requestOf = (worker: string, ...versions: ReadonlyArray<string>): ClaimRequest => ({
  worker,
  max: 10,
  versions: new Set(versions.map((version) => Version.key(PIPELINE, version)))
})

/** A worker of these versions is there from now on. It takes nothing by itself. Gives what asks for work, as it is now. */
const worker = (name: string, ...versions: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const store = yield* Store
    const request = requestOf(name, ...versions)
    const { workers } = yield* store.load
    yield* Effect.forkScoped(Stream.runDrain(store.revoked(name)), { startImmediately: true })
    yield* store.pause(PIPELINE)
    yield* store.settle([], request)
    yield* store.resume(PIPELINE)
    const isThere = Effect.map(store.load, (load) => load.workers > workers)
    yield* Effect.repeat(Effect.delay(isThere, 5), { until: (there) => there })
    return Effect.map(store.settle([], request), ({ claims }) => claims)
  })

const limited = (version: string, max = 1, plan: Plan = single, more: ReadonlyArray<Limit> = []) =>
  newRun(plan, { version, limits: [{ key: `runs:${PIPELINE}`, max }, ...more] })

const complete = (claims: ReadonlyArray<Parameters<Store["renew"]>[0][number]>) =>
  Store.use((store) => store.settle(claims.map((claim) => ({ claim, outcome: done() }))))

export const abandoned = (test: Declare): void => {
  test(
    "are named with how many steps are ready, and only while workers are there",
    Effect.gen(function* () {
      const store = yield* Store
      yield* store.submit(newRun(planOf({ a: [], b: [] }), { version: "v1" }))
      yield* store.submit(newRun(single, { version: "v1", priority: 5 }))
      yield* store.submit(newRun(single, { version: "v2" }))
      expect((yield* store.load).abandoned).toEqual([])
      const next = yield* worker("w2", "v2")
      expect((yield* store.load).abandoned).toEqual([{ pipelineId: PIPELINE, version: "v1", steps: 3 }])
      expect(yield* next).toHaveLength(1)
      yield* worker("w1", "v1")
      expect((yield* store.load).abandoned).toEqual([])
    })
  )

  test(
    "give their place to a run of another version, and take one again before a step of them is lent",
    Effect.gen(function* () {
      const { submit, get } = yield* Store
      const v2 = yield* worker("w2", "v2")
      const [old, first, second] = [
        yield* submit(limited("v1", 1, planOf({ a: [], b: [], c: ["a", "b"] }))),
        yield* submit(limited("v2")),
        yield* submit(limited("v2"))
      ]
      const lent = yield* v2
      expect(runsOf(lent)).toEqual([first])
      const v1 = yield* worker("w1", "v1")
      expect(yield* v1).toEqual([])
      yield* complete(lent)
      // It has waited longer than the second one, or does from now on: one of them has the place.
      const taken = [...(yield* v2), ...(yield* v1)]
      expect(new Set(runsOf(taken)).size).toBe(1)
      let left = taken
      const order: Array<string> = []
      for (let turn = 0; turn < 10 && left.length > 0; turn++) {
        expect(new Set(runsOf(left)).size).toBe(1)
        order.push(left[0]!.runId)
        yield* complete(left)
        left = [...(yield* v1), ...(yield* v2)]
      }
      expect((yield* get(old)).status).toBe("COMPLETED")
      expect((yield* get(second)).status).toBe("COMPLETED")
      expect(new Set(order)).toEqual(new Set([old, second]))
    })
  )

  test(
    "hold nothing of any of their limits, and give none back twice when they end",
    Effect.gen(function* () {
      const { submit, cancel } = yield* Store
      const v2 = yield* worker("w2", "v2")
      const schedule = { key: "schedule:s", max: 1 }
      const old = yield* submit(limited("v1", 1, single, [schedule]))
      const first = yield* submit(limited("v2"))
      const other = yield* submit(newRun(single, { version: "v2", limits: [schedule] }))
      const lent = yield* v2
      expect(new Set(runsOf(lent))).toEqual(new Set([first, other]))
      yield* cancel(old, "not wanted any more")
      const waits = yield* submit(limited("v2", 1, single, [schedule]))
      expect(yield* v2).toEqual([])
      yield* complete(lent)
      expect(runsOf(yield* v2)).toEqual([waits])
    })
  )

  test(
    "of a version that allowed more at once make room for as few as the new one allows",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const v2 = yield* worker("w2", "v2")
      for (let count = 0; count < 3; count++) yield* submit(limited("v1", 3))
      const ids = [yield* submit(limited("v2")), yield* submit(limited("v2"))]
      const lent = yield* v2
      expect(runsOf(lent)).toEqual([ids[0]])
      yield* complete(lent)
      expect(runsOf(yield* v2)).toEqual([ids[1]])
    })
  )

  test(
    "in a line do not hold up the runs behind them",
    Effect.gen(function* () {
      const { submit } = yield* Store
      const v2 = yield* worker("w2", "v2")
      const first = yield* submit(limited("v2"))
      for (let count = 0; count < 3; count++) yield* submit(limited("v1"))
      const last = yield* submit(limited("v2"))
      const lent = yield* v2
      expect(runsOf(lent)).toEqual([first])
      yield* complete(lent)
      expect(runsOf(yield* v2)).toEqual([last])
    })
  )

  test(
    "keep their place from runs of their own version, and while a step of them is lent",
    Effect.gen(function* () {
      const { submit, settle } = yield* Store
      yield* worker("w2", "v2")
      // This one has been lent something and is not known to be there.
      const old = yield* submit(limited("v1"))
      const { claims } = yield* settle([], requestOf("gone", "v1"))
      expect(runsOf(claims)).toEqual([old])
      const first = yield* submit(limited("v2"))
      expect((yield* settle([], requestOf("w2", "v2"))).claims).toEqual([])
      yield* complete(claims)
      expect(runsOf((yield* settle([], requestOf("w2", "v2"))).claims)).toEqual([first])
    })
  )

  test(
    "are in the way of no tick of a schedule whose pipeline has another version now",
    Effect.gen(function* () {
      const store = yield* Store
      const { schedules } = store
      const now = yield* store.now
      const made = (id: string, overlap: Schedule.Overlap) =>
        Schedule.make(
          {
            id,
            pipelineId: PIPELINE,
            timing: { everyMillis: 1_000 },
            parameters: {},
            catchUp: "skip",
            overlap,
            priority: 0,
            graceMillis: 0
          },
          now,
          now,
          "v1"
        )
      const fire = (id: string, version: string) =>
        Effect.gen(function* () {
          const schedule = yield* schedules.get(id)
          const limits = schedule.overlap === "queue" ? [{ key: `schedule:${id}`, max: 1 }] : []
          const run = newRun(single, { version, limits, schedule: { id, tickMillis: schedule.nextAtMillis } })
          const nextAtMillis = schedule.nextAtMillis + 1_000
          yield* schedules.fire({ schedule, version, runs: [run], dropped: 0, nextAtMillis })
          const { fired, skipped } = yield* schedules.get(id)
          return [fired, skipped]
        })
      const v2 = yield* worker("w2", "v2")
      yield* schedules.put(made("skip", "skip"), false)
      expect(yield* fire("skip", "v1")).toEqual([1, 0])
      // A run of its own version is in its way, wherever workers are.
      expect(yield* fire("skip", "v1")).toEqual([1, 1])
      expect(yield* fire("skip", "v2")).toEqual([2, 1])
      expect(yield* fire("skip", "v2")).toEqual([2, 2])
      yield* complete(yield* v2)
      expect(yield* fire("skip", "v2")).toEqual([3, 2])
      yield* complete(yield* v2)

      yield* schedules.put(made("queue", "queue"), false)
      yield* fire("queue", "v1")
      expect(yield* fire("queue", "v2")).toEqual([2, 0])
      expect(yield* v2).toHaveLength(1)
    })
  )

  test(
    "of schedules that no server fires are named after a minute, unless these are paused",
    Effect.gen(function* () {
      const store = yield* Store
      const now = yield* store.now
      for (const [id, late] of [
        ["late", 61_000],
        ["paused", 61_000],
        ["soon", 59_000]
      ] as const) {
        const definition = {
          id,
          pipelineId: "none",
          timing: { everyMillis: 3_600_000 },
          parameters: {},
          catchUp: "skip",
          overlap: "skip",
          priority: 0,
          graceMillis: 0
        } as const
        yield* store.schedules.put(Schedule.make(definition, now - 3_600_000, now - late, "v1"), false)
      }
      yield* store.schedules.pause("paused")
      expect((yield* store.load).overdue).toEqual([{ id: "late", pipelineId: "none" }])
    })
  )
}

/** Where a Store knows at once that a worker has left. */
export const becomingAbandoned = (test: Declare): void => {
  test(
    "become so while others wait: these begin",
    Effect.gen(function* () {
      const store = yield* Store
      const v2 = yield* worker("w2", "v2")
      const old = yield* store.submit(limited("v1"))
      const first = yield* store.submit(limited("v1"))
      const { claims } = yield* store.settle([], requestOf("gone", "v1"))
      expect(runsOf(claims)).toEqual([old])
      const last = yield* store.submit(limited("v2"))
      expect(yield* v2).toEqual([])
      yield* store.settle(
        claims.map((claim) => ({ claim, outcome: { _tag: "Released", reason: "it stops" } as const }))
      )
      yield* Effect.scoped(worker("w3", "v2"))
      const waiting = yield* Effect.forkChild(store.claim(requestOf("w2", "v2")), { startImmediately: true })
      expect(runsOf(yield* Fiber.join(waiting))).toEqual([last])
      expect((yield* store.get(first)).status).toBe("PENDING")
    })
  )
}
