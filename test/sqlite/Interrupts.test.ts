/** Callers that are interrupted, or whose Store ends, while their answer waits for its commit. */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect, vi } from "vitest"
import { MemoryFeed } from "../../core/memory/MemoryFeed.ts"
import { done, newRun, single } from "../conformance/store/harness/StoreDriver.ts"
import { files, opened, request, untilOpen } from "./StoreFiles.ts"

const file = files()
const one = { ...request, max: 1, isIdle: true }
const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

describe("an error of ours after a commit", () => {
  it.live("fails the callers that wait, and the Store goes on with what the file has", () =>
    Effect.gen(function* () {
      const { store, close } = yield* opened({ file: file() })
      const failing = vi.spyOn(MemoryFeed.prototype, "add").mockImplementation(() => {
        throw new Error("unexpected")
      })
      yield* Effect.addFinalizer(() => Effect.sync(() => failing.mockRestore()))
      const claiming = yield* fork(Effect.flip(store.claim(one)))
      expect(yield* Effect.flip(store.submit(newRun(single)))).toMatchObject({ _tag: "StoreUnavailable" })
      expect(yield* Fiber.join(claiming)).toMatchObject({ _tag: "StoreUnavailable" })
      failing.mockRestore()
      yield* untilOpen(store)
      const { runs } = yield* store.list({ limit: 10 })
      expect(runs).toHaveLength(1)
      expect(yield* store.claim(one)).toMatchObject([{ runId: runs[0]!.id }])
      yield* close
    })
  )
})

describe("a caller that is interrupted before its answer", () => {
  it.live("loses no step that it was just granted", () =>
    Effect.gen(function* () {
      const { store, close } = yield* opened({ file: file(), leaseMillis: 60_000 })
      const claiming = yield* fork(store.claim(one))
      // The run is granted in the same turn; nothing is committed yet.
      const submitting = yield* fork(store.submit(newRun(single)))
      expect(claiming.pollUnsafe()).toBe(undefined)
      yield* Fiber.interrupt(claiming)
      const id = yield* Fiber.join(submitting)
      const [claim] = yield* store.claim({ ...one, worker: "other" })
      expect(claim).toMatchObject({ runId: id, step: "a" })
      expect((yield* store.load).running).toBe(1)
      yield* close
    })
  )

  it.live("loses no step that it was granted with its outcomes", () =>
    Effect.gen(function* () {
      const { store, close } = yield* opened({ file: file(), leaseMillis: 60_000 })
      const [first, second] = [yield* store.submit(newRun(single)), yield* store.submit(newRun(single))]
      const [claim] = yield* store.claim(one)
      const settling = yield* fork(store.settle([{ claim: claim!, outcome: done() }], one))
      expect(settling.pollUnsafe()).toBe(undefined)
      yield* Fiber.interrupt(settling)
      expect(yield* store.get(claim!.runId)).toMatchObject({ status: "COMPLETED" })
      const [next] = yield* store.claim({ ...one, worker: "other" })
      expect([first, second].filter((id) => id !== claim!.runId)).toEqual([next!.runId])
      yield* close
    })
  )

  it.live("has done what it asked for", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      const submitting = yield* fork(store.submit(newRun(single)))
      expect(submitting.pollUnsafe()).toBe(undefined)
      yield* Fiber.interrupt(submitting)
      expect((yield* store.list({ limit: 10 })).runs).toHaveLength(1)
      yield* close
      const again = yield* opened({ file: path })
      expect((yield* again.store.list({ limit: 10 })).runs).toHaveLength(1)
      yield* again.close
    })
  )
})

describe("a Store that closes", () => {
  it.live("has done what its callers asked for before, and answers them", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      const [cancelled, waiting] = [yield* store.submit(newRun(single)), yield* store.submit(newRun(single))]
      const asking = [
        store.claim({ ...one, versions: new Set<string>() }),
        store.wait(waiting),
        store.wait(cancelled),
        store.cancel(cancelled, "x"),
        store.get(cancelled),
        store.submit(newRun(single))
      ]
      const fibers = yield* Effect.forEach(asking, (asked) => fork(asked as Effect.Effect<unknown, unknown>))
      yield* close
      const isCancelled = { id: cancelled, status: "CANCELLED", reason: "x" }
      const answers = yield* Effect.forEach(fibers, Fiber.join)
      expect(answers).toMatchObject([
        [],
        { id: waiting, status: "PENDING" },
        isCancelled,
        undefined,
        isCancelled,
        expect.any(String)
      ])
      expect(yield* Effect.flip(store.get(cancelled))).toMatchObject({ _tag: "StoreUnavailable" })
      const next = yield* opened({ file: path })
      expect((yield* next.store.list({ limit: 10 })).runs).toMatchObject([
        { id: answers.at(-1), status: "PENDING" },
        { id: waiting, status: "PENDING" },
        isCancelled
      ])
      yield* next.close
    })
  )
})
