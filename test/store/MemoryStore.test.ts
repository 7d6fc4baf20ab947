import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import * as Store from "../../core/Store.ts"
import * as Version from "../../core/Version.ts"
import { store } from "./StoreConformance.ts"

store("memory", Store.layerMemory)

const plan = { results: ["a"], steps: [{ name: "a", waits: 0, releases: [], vital: true }] }
const newRun: Store.NewRun = { pipelineId: "p", version: "v", plan, parameters: { data: '"0123456789"' } }
const versions = new Set([Version.key("p", "v")])

const runOne = Effect.gen(function* () {
  const { submit, claim, settle } = yield* Store.Store
  const runId = yield* submit(newRun)
  const [claimed] = yield* claim({ worker: "w", max: 1, versions })
  yield* settle([{ claim: claimed!, outcome: { _tag: "Completed", outputs: { out: '"9876543210"' } } }])
  return runId
})

const kept = (limit = 1_000) =>
  Store.Store.use((memory) => Effect.map(memory.list({ limit }), ({ runs }) => runs.map((run) => run.id)))

describe("MemoryStore", () => {
  it.effect("keeps the newest finished runs by count, and every unfinished one", () =>
    Effect.gen(function* () {
      const { submit } = yield* Store.Store
      const ids = yield* Effect.forEach(Array.from({ length: 5 }), () => runOne)
      const unfinished = yield* submit(newRun)
      expect(yield* kept()).toEqual([unfinished, ids[4], ids[3], ids[2]])
    }).pipe(Effect.provide(Store.layerMemory({ historyCount: 3 })))
  )

  it.effect("keeps finished runs by age", () =>
    Effect.gen(function* () {
      const { get } = yield* Store.Store
      const old = yield* runOne
      yield* TestClock.adjust(999)
      const young = yield* runOne
      expect(yield* kept()).toEqual([young, old])
      yield* TestClock.adjust(1)
      expect(yield* Effect.flip(get(old))).toMatchObject({ _tag: "RunNotFound" })
      expect(yield* kept()).toEqual([young])
      yield* TestClock.adjust(999)
      expect(yield* kept()).toEqual([])
    }).pipe(Effect.provide(Store.layerMemory({ historyMillis: 1_000 })))
  )

  it.effect("keeps finished runs by the length of their values", () =>
    Effect.gen(function* () {
      const ids = yield* Effect.forEach(Array.from({ length: 10 }), () => runOne)
      // Each run has two values of 12 characters, named by 4 and 3, and four events that count for 100 each.
      expect(yield* kept()).toEqual([ids[9], ids[8], ids[7]])
    }).pipe(Effect.provide(Store.layerMemory({ historyLength: 3 * 431 })))
  )

  it.effect("refuses runs past its bound of unfinished ones, and takes them again later", () =>
    Effect.gen(function* () {
      const { submit, cancel } = yield* Store.Store
      const first = yield* submit(newRun)
      yield* submit(newRun)
      expect(yield* Effect.flip(submit(newRun))).toMatchObject({ _tag: "StoreUnavailable" })
      yield* cancel(first, "to make room")
      expect(typeof (yield* submit(newRun))).toBe("string")
    }).pipe(Effect.provide(Store.layerMemory({ maxUnfinished: 2 })))
  )

  it.effect("takes a lease away after exactly its length", () =>
    Effect.gen(function* () {
      const { submit, claim } = yield* Store.Store
      yield* submit(newRun)
      yield* claim({ worker: "w1", max: 1, versions })
      const rival = yield* Effect.forkChild(claim({ worker: "w2", max: 1, versions }), { startImmediately: true })
      yield* TestClock.adjust(14_999)
      expect(rival.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(1)
      expect((yield* Fiber.join(rival))[0]).toMatchObject({ step: "a", attempt: 2 })
    }).pipe(Effect.provide(Store.layerMemory()))
  )

  it.effect("answers everyone who waits when it closes", () =>
    Effect.gen(function* () {
      const waiting = yield* Effect.scoped(
        Effect.gen(function* () {
          const { submit, wait } = yield* Store.Store
          const runId = yield* submit(newRun)
          return yield* Effect.forkDetach(wait(runId), { startImmediately: true })
        }).pipe(Effect.provide(Store.layerMemory()))
      )
      expect(yield* Fiber.join(waiting)).toMatchObject({ status: "CANCELLED", reason: "the program is shutting down" })
    })
  )
})
