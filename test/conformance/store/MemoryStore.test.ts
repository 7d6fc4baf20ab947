import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as Version from "../../../core/pipeline/Version.ts"
import * as Store from "../../../core/StoreModule.ts"
import type { FeedItem } from "../../../core/store/Feed.ts"
import { abandonedLaterSuite } from "./AbandonedSuite.ts"
import { testsOver } from "./harness/StoreDriver.ts"
import { storeConformance } from "./StoreConformance.ts"

storeConformance("memory", Store.layerMemory)

describe("abandoned versions in memory", () => abandonedLaterSuite(testsOver(Store.layerMemory).testLong))

/** Collects garbage now; undefined if the runtime can't. */
const collect = await (async (): Promise<(() => void) | undefined> => {
  if (process.env["TEST_RUNTIME"] !== "node") return undefined
  const [{ setFlagsFromString }, { runInNewContext }] = [await import("node:v8"), await import("node:vm")]
  setFlagsFromString("--expose-gc")
  return runInNewContext("gc") as () => void
})()

const plan = { results: ["a"], steps: [{ name: "a", reads: [], waits: 0, releases: [], vital: true }] }
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

  it.effect("keeps the last 10,000 events of its feed, and reports a gap to readers that were behind them", () =>
    Effect.gen(function* () {
      const { feed, watch } = yield* Store.Store
      const items = yield* feed({})
      const ids = yield* Effect.forEach(Array.from({ length: 6_000 }), () => runOne)
      const last = (item: FeedItem) => item.event?.runId === ids.at(-1) && item.event?.type === "RunCompleted"
      const read = yield* Stream.runCollect(Stream.takeUntil(items, last))
      const kept = yield* Effect.forEach(ids.slice(1_000), (id) => Stream.runCollect(watch(id)))
      expect(Array.from(read, ({ event }) => event)).toEqual(kept.flat())
      expect(Array.from(read).findIndex(({ isBehindGap }) => isBehindGap)).toBe(0)
      expect(Array.from(read).filter(({ isBehindGap }) => isBehindGap)).toHaveLength(1)
    }).pipe(Effect.provide(Store.layerMemory({ historyCount: 10_000 })))
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
      // Each run has two values of 12 characters, with names of 4 and 3, and four events that count as 100 each.
      expect(yield* kept()).toEqual([ids[9], ids[8], ids[7]])
    }).pipe(Effect.provide(Store.layerMemory({ historyBytes: 3 * 431 })))
  )

  it.effect("counts the stacks of errors in the bytes of its history", () =>
    Effect.gen(function* () {
      const { submit, claim, settle } = yield* Store.Store
      const failing = (stack: string) =>
        Effect.gen(function* () {
          const runId = yield* submit(newRun)
          const [first] = yield* claim({ worker: "w", max: 1, versions })
          const cause = { name: "Error", message: "no", stack }
          yield* settle([
            { claim: first!, outcome: { _tag: "Failed", error: { name: "TaskFailed", message: "no", cause } } }
          ])
          return runId
        })
      const small = yield* failing("at a (/x.ts:1:2)")
      expect(yield* kept()).toEqual([small])
      yield* failing(`at ${"é".repeat(1_500)} (/x.ts:1:2)`)
      expect(yield* kept()).toEqual([])
    }).pipe(Effect.provide(Store.layerMemory({ historyBytes: 3_000 })))
  )

  it.effect("counts the kept items of a run in the bytes of its history, and drops the others", () =>
    Effect.gen(function* () {
      const { submit, claim, settle } = yield* Store.Store
      const expands = { inOrder: false, max: 100, outputs: ["a"], lists: [], onFailure: "skip" } as const
      const going = { ...newRun, plan: { ...plan, steps: [{ ...plan.steps[0]!, expands }] } }
      const units = Array.from({ length: 10 }, () => `"${"é".repeat(500)}"`)
      const fail: Store.Outcome = { _tag: "Failed", error: { name: "TaskFailed", message: "no" } }
      const run = (isWhole: boolean) =>
        Effect.gen(function* () {
          const runId = yield* submit(going)
          const [source] = yield* claim({ worker: "w", max: 1, versions })
          yield* settle([{ claim: source!, outcome: { _tag: "Expanded", units, count: 10, size: 1 } }])
          for (const unit of yield* claim({ worker: "w", max: 10, versions })) {
            const isGood = isWhole || unit.item!.index > 0
            yield* settle([{ claim: unit, outcome: isGood ? { _tag: "Completed", outputs: {} } : fail }])
          }
          return runId
        })
      const whole = yield* run(true)
      expect(yield* kept()).toEqual([whole])
      yield* run(false)
      expect(yield* kept()).toEqual([])
    }).pipe(Effect.provide(Store.layerMemory({ historyBytes: 10_000 })))
  )

  it.effect("refuses runs past its bound of unfinished ones, and accepts them again later", () =>
    Effect.gen(function* () {
      const { submit, cancel } = yield* Store.Store
      const first = yield* submit(newRun)
      yield* submit(newRun)
      expect(yield* Effect.flip(submit(newRun))).toMatchObject({ _tag: "StoreUnavailable" })
      yield* cancel(first, "to make room")
      expect(typeof (yield* submit(newRun))).toBe("string")
    }).pipe(Effect.provide(Store.layerMemory({ maxUnfinished: 2 })))
  )

  it.effect("ends a lease after exactly its length", () =>
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

  it.effect("answers every waiting caller when it closes", () =>
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

  it.effect("an idempotency key whose run is no longer kept is a conflict, until the key expires", () =>
    Effect.gen(function* () {
      const { submit, get, claim, settle } = yield* Store.Store
      const keyed = submit({ ...newRun, idempotency: { key: "k", fingerprint: "f" } })
      const first = yield* keyed
      const [claimed] = yield* claim({ worker: "w", max: 1, versions })
      yield* settle([{ claim: claimed!, outcome: { _tag: "Completed", outputs: {} } }])
      expect(yield* keyed).toBe(first)
      yield* runOne
      expect(yield* Effect.flip(get(first))).toMatchObject({ _tag: "RunNotFound" })
      const refused = yield* Effect.flip(keyed)
      expect(refused).toMatchObject({ _tag: "IdempotencyConflict", runId: first, pipelineId: "p" })
      expect(refused.message).toContain("is no longer kept")
      yield* TestClock.adjust("24 hours")
      expect(yield* keyed).not.toBe(first)
    }).pipe(Effect.provide(Store.layerMemory({ historyCount: 1 })))
  )

  it.effect("keeps a long history of one run within the total bound: that run is dropped, and later ones stay", () =>
    Effect.gen(function* () {
      const { submit, get, claim, settle } = yield* Store.Store
      const long = yield* submit(newRun)
      for (let failures = 0; failures < 600; failures++) {
        const [claimed] = yield* claim({ worker: "w", max: 1, versions })
        const error = { name: "TaskFailed", message: "again" }
        yield* settle([{ claim: claimed!, outcome: { _tag: "Retried", error, waitMillis: 0 } }])
        yield* TestClock.adjust(0)
      }
      expect(yield* get(long)).toMatchObject({ status: "RUNNING", sequence: 1_201, steps: [{ attempts: 600 }] })
      const [last] = yield* claim({ worker: "w", max: 1, versions })
      yield* settle([{ claim: last!, outcome: { _tag: "Completed", outputs: {} } }])
      expect(yield* kept()).toEqual([])
      const later = yield* runOne
      expect(yield* kept()).toEqual([later])
    }).pipe(Effect.provide(Store.layerMemory({ historyBytes: 100_000 })))
  )

  // Not every runtime collects garbage on demand, but what is kept is the same in all of them.
  it.effect.skipIf(collect === undefined)(
    "a claim that is never released keeps its own run in memory and no other",
    () =>
      Effect.gen(function* () {
        const { submit, claim, cancel, remove, settle } = yield* Store.Store
        const submitOne = Effect.sync(() => ({ ...plan })).pipe(
          Effect.flatMap((own) =>
            Effect.map(submit({ ...newRun, plan: own }), (id) => ({ id, plan: new WeakRef(own) }))
          )
        )
        const before = yield* submitOne
        const hung = yield* submitOne
        const after = yield* submitOne
        // In a function of its own, so that its locals do not stay referenced.
        const held = yield* Effect.gen(function* () {
          const claims = yield* claim({ worker: "w", max: 3, versions })
          for (const claimed of claims) {
            if (claimed.runId === hung.id) continue
            yield* settle([{ claim: claimed, outcome: { _tag: "Completed", outputs: {} } }])
          }
          return claims.find(({ runId }) => runId === hung.id)!
        })
        yield* cancel(hung.id, "it hangs")
        for (const { id } of [hung, before, after]) yield* remove(id)
        // A WeakRef keeps its target until the turn of the event loop ends.
        for (let turn = 0; turn < 5; turn++) {
          yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 0)))
          collect!()
        }
        expect([before, after].map((run) => run.plan.deref())).toEqual([undefined, undefined])
        expect(held.runId).toBe(hung.id)
      }).pipe(Effect.provide(Store.layerMemory()))
  )
})
