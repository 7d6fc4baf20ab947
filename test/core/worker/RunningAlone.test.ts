/** A worker gives a step that lost workers before the whole of itself, and makes room for it. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { Access, Levada, Pipeline, Store, Task } from "../../../adapters/promise/index.ts"
import * as Version from "../../../core/pipeline/Version.ts"

const N = Schema.Number
const LEASE = 1_000

/** Pipelines `lone` and `other` of one task each, which begin, wait until they are told to end, and end. */
const working = () => {
  /** Which tasks are at work, by number, in the order in which they began. */
  const begun: Array<number> = []
  const atWork = new Set<number>()
  const gates = new Map<number, Deferred.Deferred<void>>()
  const gateOf = (n: number): Deferred.Deferred<void> => {
    const gate = gates.get(n) ?? Deferred.makeUnsafe<void>()
    gates.set(n, gate)
    return gate
  }
  const make = (name: string) =>
    Pipeline.make(name, [
      Task.make(name, {
        input: { n: N },
        output: { m: N },
        run: ({ n }) =>
          Effect.suspend(() => {
            begun.push(n)
            atWork.add(n)
            return Effect.as(Deferred.await(gateOf(n)), { m: n })
          }).pipe(Effect.ensuring(Effect.sync(() => atWork.delete(n))))
      })
    ])
  const [lone, other] = [make("lone"), make("other")]
  const submit = (pipeline: Pipeline.Any, n: number) =>
    Store.Store.use((store) =>
      store.submit({
        pipelineId: pipeline.id,
        version: pipeline.version,
        plan: pipeline.plan,
        parameters: { n: String(n) }
      })
    )
  /** Two workers are lent the steps of `lone`, and are lost. */
  const losing = Effect.gen(function* () {
    const store = yield* Store.Store
    const versions = new Set([Version.key(lone.id, lone.version)])
    for (let lost = 0; lost < 2; lost++) {
      const claims = yield* store.claim({ worker: "victim", max: 100, versions })
      expect(claims.every(({ isAlone }) => !isAlone)).toBe(true)
      yield* TestClock.adjust(2 * LEASE)
    }
  })
  const end = (...ns: ReadonlyArray<number>) =>
    Effect.andThen(
      Effect.forEach(ns, (n) => Deferred.succeed(gateOf(n), undefined)),
      TestClock.adjust(1)
    )
  return { pipelines: [lone, other], lone, other, begun, atWork, submit, losing, end }
}

/** Starts a worker over the Store. */
const withWorker =
  (pipelines: ReadonlyArray<Pipeline.Any>, concurrency: number) =>
  <A, E>(body: Effect.Effect<A, E, Store.Store>) =>
    Effect.flatMap(Store.Store, (store) =>
      Effect.provide(
        Effect.andThen(TestClock.adjust(1), body),
        Levada.layer({ pipelines, access: Access.open, worker: { concurrency, graceMillis: 0 } }).pipe(
          Layer.provideMerge(Layer.succeed(Store.Store, store))
        )
      )
    )

const overMemory = Effect.provide(Store.layerMemory({ leaseMillis: LEASE }))

describe("a step that lost two workers", () => {
  it.effect("has its worker to itself: what is ready meanwhile begins when it has ended", () => {
    const { pipelines, lone, other, begun, atWork, submit, losing, end } = working()
    return Effect.gen(function* () {
      yield* submit(lone, 0)
      yield* losing
      for (const n of [1, 2]) yield* submit(other, n)
      yield* Effect.gen(function* () {
        expect([...atWork]).toEqual([0])
        yield* submit(other, 3)
        yield* TestClock.adjust(10 * LEASE)
        expect([...atWork]).toEqual([0])
        yield* end(0)
        expect(begun).toEqual([0, 1, 2, 3])
        yield* end(1, 2, 3)
        expect(atWork.size).toBe(0)
      }).pipe(withWorker(pipelines, 10))
    }).pipe(overMemory)
  })

  it.effect("waits for a busy worker, which claims nothing else until it is idle", () => {
    const { pipelines, lone, other, begun, submit, losing, end } = working()
    return Effect.gen(function* () {
      for (const n of [1, 2]) yield* submit(other, n)
      yield* Effect.gen(function* () {
        expect(begun).toEqual([1, 2])
        yield* submit(lone, 0)
        yield* losing
        for (const n of [3, 4, 5]) yield* submit(other, n)
        // Told of it when it asks for more: it takes what it is lent then, and asks for nothing else.
        yield* end(1)
        yield* TestClock.adjust(LEASE / 2)
        expect(begun).toEqual([1, 2, 3])
        yield* end(3)
        yield* TestClock.adjust(LEASE / 4)
        expect(begun).toEqual([1, 2, 3])
        yield* end(2)
        expect(begun).toEqual([1, 2, 3, 0])
        yield* end(0)
        expect(begun).toEqual([1, 2, 3, 0, 4, 5])
        yield* end(4, 5)
      }).pipe(withWorker(pipelines, 2))
    }).pipe(overMemory)
  })

  it.effect("holds up a worker that does not become idle for one lease, and not again for four", () => {
    const { pipelines, lone, other, begun, submit, losing, end } = working()
    return Effect.gen(function* () {
      for (const n of [1, 2]) yield* submit(other, n)
      yield* Effect.gen(function* () {
        yield* submit(lone, 0)
        yield* losing
        for (const n of [3, 4, 5, 6, 7]) yield* submit(other, n)
        yield* end(1)
        yield* end(3)
        yield* TestClock.adjust(LEASE - 10)
        expect(begun).toEqual([1, 2, 3])
        yield* TestClock.adjust(20)
        expect(begun).toEqual([1, 2, 3, 4])
        yield* end(4)
        yield* TestClock.adjust(3 * LEASE)
        yield* end(5)
        expect(begun).toEqual([1, 2, 3, 4, 5, 6])
        yield* TestClock.adjust(LEASE)
        // It drains again, with what it was lent as it was told.
        yield* end(6)
        yield* end(7)
        expect(begun).toEqual([1, 2, 3, 4, 5, 6, 7])
        yield* end(2)
        expect(begun).toEqual([1, 2, 3, 4, 5, 6, 7, 0])
        yield* end(0)
      }).pipe(withWorker(pipelines, 2))
    }).pipe(overMemory)
  })

  it.effect("is given to a waiting worker, also one that waits with a place free beside long work", () => {
    const { pipelines, lone, other, begun, submit, losing, end } = working()
    return Effect.gen(function* () {
      yield* submit(lone, 0)
      const store = yield* Store.Store
      const versions = new Set([Version.key(lone.id, lone.version)])
      yield* losing
      // Another worker has it, alone, and is lost only later.
      const [held] = yield* store.claim({ worker: "other", max: 1, versions, isIdle: true })
      yield* submit(other, 1)
      yield* Effect.gen(function* () {
        expect(begun).toEqual([1])
        // Given back while the worker waits: it stops waiting.
        yield* store.settle([{ claim: held!, outcome: { _tag: "Released", reason: "for the test" } }])
        yield* TestClock.adjust(1)
        yield* submit(other, 2)
        yield* TestClock.adjust(1)
        expect(begun).toEqual([1])
        yield* end(1)
        expect(begun).toEqual([1, 0])
        yield* end(0)
        expect(begun).toEqual([1, 0, 2])
        yield* end(2)
      }).pipe(withWorker(pipelines, 10))
    }).pipe(overMemory)
  })
})
