/** Who the workers are, and which claims they hold. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Store } from "../../../core/store/Store.ts"
import type { WorkerState } from "../../../core/store/WorkerState.ts"
import { begin, expanded, numbers } from "./harness/ItemDriver.ts"
import {
  chain,
  claim,
  type Declare,
  done,
  LEASE,
  newRun,
  PIPELINE,
  settle,
  single,
  stopped
} from "./harness/StoreDriver.ts"

const workers = Effect.flatMap(Store, (store) => store.workers)

/** The workers once `is` holds: a Store may take some seconds to hear of a worker. */
const until = (is: (all: ReadonlyArray<WorkerState>) => boolean) =>
  Effect.gen(function* () {
    for (;;) {
      const all = yield* workers
      if (is(all)) return all
      yield* Effect.sleep(10)
    }
  })

/** Connects a worker until the test ends. */
const connect = (worker: string) =>
  Effect.flatMap(Store, ({ revoked }) =>
    Effect.forkScoped(Stream.runDrain(revoked(worker)), { startImmediately: true })
  )

const idsOf = (all: ReadonlyArray<WorkerState>): ReadonlyArray<string> => all.map(({ id }) => id)

export const workersSuite = (test: Declare, testLong: Declare): void => {
  testLong(
    "workers are listed by id with the claims that they hold, until these are settled",
    Effect.gen(function* () {
      const { submit, now } = yield* Store
      expect(yield* workers).toEqual([])
      for (const worker of ["w2", "w1", 'ü "w|3\n:x'] as const) yield* connect(worker)
      const ids: Array<string> = []
      for (let at = 0; at < 4; at++) ids.push(yield* submit(newRun(chain)))
      const before = yield* now
      const one = yield* claim(2, "w1")
      const two = yield* claim(1, "w2")
      const three = yield* claim(1, 'ü "w|3\n:x')
      const all = yield* until((states) => states.length === 3 && states.every(({ seenAtMillis }) => seenAtMillis))
      expect(idsOf(all)).toEqual(["w1", "w2", 'ü "w|3\n:x'])
      for (const [at, claims] of [one, two, three].entries()) {
        const { seenAtMillis, claims: held } = all[at]!
        expect(seenAtMillis).toBeGreaterThan(before - 20_000)
        expect([...held].sort((a, b) => (a.runId < b.runId ? -1 : 1))).toEqual(
          claims
            .map(({ runId }) => ({
              runId,
              pipelineId: PIPELINE,
              step: "a",
              item: undefined,
              attempt: 1,
              claimedAtMillis: expect.any(Number)
            }))
            .sort((a, b) => (a.runId < b.runId ? -1 : 1))
        )
        for (const { claimedAtMillis } of held) {
          expect(Math.abs(claimedAtMillis - before)).toBeLessThan(10_000)
        }
      }
      yield* settle([one[0]!, done({ a: "1" })], [one[1]!, stopped], [two[0]!, done({ a: "1" })])
      expect((yield* workers).map(({ claims }) => claims.length)).toEqual([0, 0, 1])
      const again = yield* claim(10, "w2")
      const held = (yield* workers)[1]!.claims.map(({ runId, step, attempt }) => `${runId} ${step} ${attempt}`)
      expect(held.sort()).toEqual(again.map(({ runId, step, attempt }) => `${runId} ${step} ${attempt}`).sort())
      expect(new Set(again.map(({ step, attempt }) => `${step} ${attempt}`))).toEqual(new Set(["a 2", "b 1"]))
    })
  )

  testLong(
    "claims of items name their units, and a cancelled run leaves none",
    Effect.gen(function* () {
      const { cancel } = yield* Store
      const runId = yield* begin({}, expanded(numbers(10)))
      const claims = yield* claim(4, "w")
      const worker = (yield* workers).find(({ id }) => id === "w")
      expect(worker!.claims.map(({ item }) => item).sort()).toEqual(claims.map(({ item }) => item!.index).sort())
      expect(worker!.claims[0]).toMatchObject({ runId, step: "a", attempt: 1 })
      yield* cancel(runId, "enough")
      expect((yield* workers).flatMap(({ claims }) => claims)).toEqual([])
    })
  )

  test(
    "a claim whose lease has ended is held no more",
    Effect.gen(function* () {
      const { submit } = yield* Store
      yield* submit(newRun(single))
      yield* claim(1, "lost")
      expect((yield* workers).find(({ id }) => id === "lost")!.claims).toHaveLength(1)
      yield* Effect.sleep(LEASE)
      yield* until((all) => all.every(({ claims }) => claims.length === 0))
      const [again] = yield* claim(1, "other")
      expect(again!.attempt).toBe(2)
      expect((yield* workers).flatMap(({ id, claims }) => (claims.length === 0 ? [] : [id]))).toEqual(["other"])
    })
  )

  testLong(
    "hundreds of workers and claims are all listed, each once",
    Effect.gen(function* () {
      const { submit, renew } = yield* Store
      const count = 600
      yield* Effect.forEach(Array.from({ length: count }), () => submit(newRun(single)), { concurrency: 50 })
      const held = new Map<string, number>()
      for (let at = 0; at < 60; at++) {
        const claims = yield* claim(10, `w${at}`)
        held.set(`w${at}`, claims.length)
        if (at % 3 === 0) yield* renew(claims)
      }
      const all = yield* workers
      expect(new Map(all.map(({ id, claims }) => [id, claims.length]))).toEqual(held)
      const runIds = all.flatMap(({ claims }) => claims.map(({ runId }) => runId))
      expect(new Set(runIds).size).toBe(count)
      expect(idsOf(all)).toEqual([...idsOf(all)].sort())
    })
  )
}
