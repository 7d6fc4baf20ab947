/** Limits while the Store is loaded again, what a full history costs, and keys that expired before a restart. */
import * as sqlite from "node:sqlite"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { afterEach, describe, expect, vi } from "vitest"
import { Access, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"
import * as SqliteFile from "../../adapters/sqlite/SqliteFile.ts"
import { SqliteJournal } from "../../adapters/sqlite/SqliteJournal.ts"
import * as DurableStore from "../../core/memory/DurableStore.ts"
import { Store } from "../../core/store/Store.ts"
import { done, newRun, single } from "../conformance/store/harness/StoreDriver.ts"
import { files, finish, opened, request } from "./StoreFiles.ts"

const file = files()

afterEach(() => void vi.restoreAllMocks())

describe("a Store that is loaded again", () => {
  it("exceeds no limit, although workers still run what they had", async () => {
    const owned = SqliteFile.own(sqlite, file(), "off", 0)
    const store = Layer.effect(Store, DurableStore.make({ leaseMillis: 6_000 }, new SqliteJournal(owned), false))
    let now = 0
    let most = 0
    const calls: Array<() => void> = []
    const task = Task.make("task", {
      input: { n: Schema.Number },
      output: { m: Schema.Number },
      limit: { key: "one", max: 1 },
      run: ({ n }, { signal }) =>
        new Promise<{ m: number }>((resolve, reject) => {
          now++
          most = Math.max(most, now)
          const ended = (act: () => void) => () => {
            now--
            act()
          }
          calls.push(ended(() => resolve({ m: n })))
          signal.addEventListener(
            "abort",
            ended(() => reject(new Error("stopped"))),
            { once: true }
          )
        })
    })
    const pipeline = Pipeline.make("limited", [task])
    const levada = Levada.make({ pipelines: [pipeline], access: Access.open, store })
    const runs = [await levada.start(pipeline, { n: 1 }), await levada.start(pipeline, { n: 2 })]
    await vi.waitUntil(() => calls.length === 1)
    owned.database.exec("PRAGMA query_only = 1")
    await expect(levada.start(pipeline, { n: 3 })).rejects.toThrow("readonly")
    owned.database.exec("PRAGMA query_only = 0")
    // The step that ran is stopped before one of both begins.
    await vi.waitUntil(() => calls.length === 2, { timeout: 10_000 })
    expect(most).toBe(1)
    calls[1]!()
    await vi.waitUntil(() => calls.length === 3, { timeout: 10_000 })
    calls[2]!()
    for (const run of runs) await levada.result(pipeline, run)
    expect(most).toBe(1)
    await levada.close()
    owned.close()
  })
})

describe("a full history", () => {
  it.live("costs a run no further commit", () =>
    Effect.gen(function* () {
      const { store, close } = yield* opened({ file: file(), historyCount: 5, historyMillis: 0 })
      for (let run = 0; run < 10; run++) yield* finish(store)
      const executing = vi.spyOn(sqlite.DatabaseSync.prototype, "exec")
      for (let run = 0; run < 10; run++) yield* finish(store)
      expect(executing.mock.calls.filter(([text]) => text === "COMMIT")).toHaveLength(30)
      expect((yield* store.list({ limit: 100 })).runs).toHaveLength(5)
      yield* close
    })
  )

  it.effect("of expired runs is looked at in parts by lists", () =>
    Effect.gen(function* () {
      const path = file()
      let { store, close } = yield* opened({
        file: path,
        synchronous: "off",
        historyCount: 100_000,
        historyMillis: 1_000
      })
      for (let run = 0; run < 60; run++) {
        yield* Effect.all(
          Array.from({ length: 100 }, () => store.submit(newRun(single))),
          { concurrency: "unbounded" }
        )
        const { claims } = yield* store.settle([], request)
        yield* store.settle(claims.map((claim) => ({ claim, outcome: done({}) })))
      }
      yield* close
      yield* TestClock.adjust(5_000)
      ;({ store, close } = yield* opened({ file: path, historyCount: 100_000, historyMillis: 1_000 }))
      const { runs, nextCursor } = yield* store.list({ limit: 10 })
      expect(runs).toEqual([])
      expect(nextCursor).toBeDefined()
      yield* close
    })
  )
})

describe("an idempotency key", () => {
  it.effect("expires after a restart too, whatever keys were used again before", () =>
    Effect.gen(function* () {
      const path = file()
      const keyed = (key: string) => newRun(single, { idempotency: { key, fingerprint: "f" } })
      const first = yield* opened({ file: path, historyMillis: 0 })
      yield* first.store.submit(keyed("daily"))
      yield* TestClock.adjust("10 hours")
      const other = yield* first.store.submit(keyed("other"))
      yield* TestClock.adjust("15 hours")
      yield* first.store.submit(keyed("daily"))
      yield* first.close
      const second = yield* opened({ file: path, historyMillis: 0 })
      yield* TestClock.adjust("10 hours")
      expect(yield* second.store.submit(keyed("other"))).not.toBe(other)
      yield* second.close
    })
  )
})
