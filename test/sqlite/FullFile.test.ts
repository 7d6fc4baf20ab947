/** A file that may not grow: no caller is told what the file does not have, and the Store goes on when there is room again. */
import * as sqlite from "node:sqlite"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { describe, expect } from "vitest"
import * as SqliteFile from "../../adapters/sqlite/SqliteFile.ts"
import { SqliteJournal } from "../../adapters/sqlite/SqliteJournal.ts"
import * as DurableStore from "../../core/memory/DurableStore.ts"
import type { Store } from "../../core/store/Store.ts"
import { chain, done, newRun, single } from "../conformance/store/harness/StoreDriver.ts"
import { files, request, untilOpen } from "./StoreFiles.ts"

const file = files()

/** A Store whose file can be kept from growing. */
const withLimit = Effect.gen(function* () {
  const owned = SqliteFile.own(sqlite, file(), "off", 0)
  yield* Effect.addFinalizer(() => Effect.sync(owned.close))
  const store = yield* DurableStore.make({}, new SqliteJournal(owned), false)
  const limit = (pages: number) => Effect.sync(() => owned.database.exec(`PRAGMA max_page_count = ${pages}`))
  const pages = Number(Object.values(owned.database.prepare("PRAGMA page_count").get()!)[0])
  return { store, fill: limit(pages), empty: limit(1_000_000) }
})

/** Submits runs until the file has no room. */
const submitUntilFull = ({ submit }: Store) =>
  Effect.gen(function* () {
    const ids: Array<string> = []
    for (;;) {
      const submitted = yield* Effect.result(submit(newRun(single, { parameters: { data: `"${"x".repeat(5_000)}"` } })))
      if (submitted._tag === "Failure") return { ids, failure: submitted.failure }
      ids.push(submitted.success)
    }
  })

describe("a full file", () => {
  it.live("fails what can't be recorded, and shows nothing of it later", () =>
    Effect.gen(function* () {
      const { store, fill, empty } = yield* withLimit
      const before = yield* store.submit(newRun(chain))
      yield* fill
      const { ids, failure } = yield* submitUntilFull(store)
      expect(failure).toMatchObject({ _tag: "StoreUnavailable", message: expect.stringContaining("full") })
      expect(yield* Effect.flip(store.get(before))).toMatchObject({ _tag: "StoreUnavailable" })
      expect(yield* Effect.flip(store.submit(newRun(single)))).toMatchObject({ _tag: "StoreUnavailable" })
      expect(yield* Effect.flip(store.ping)).toMatchObject({ _tag: "StoreUnavailable" })
      yield* empty
      yield* untilOpen(store)
      const { runs } = yield* store.list({ limit: 1_000 })
      expect(runs.map(({ id }) => id).sort()).toEqual([before, ...ids].sort())
      expect(typeof (yield* store.submit(newRun(single)))).toBe("string")
    })
  )

  it.live("fails all who wait, refuses outcomes of before, and grants the steps again", () =>
    Effect.gen(function* () {
      const { store, fill, empty } = yield* withLimit
      const runId = yield* store.submit(newRun(chain))
      const [claimed] = yield* store.claim(request)
      const waiting = yield* Effect.forkChild(store.wait(runId), { startImmediately: true })
      const claiming = yield* Effect.forkChild(store.claim({ ...request, versions: new Set(["none"]) }), {
        startImmediately: true
      })
      const watching = yield* Effect.forkChild(Stream.runDrain(store.watch(runId)), { startImmediately: true })
      const reading = yield* Effect.forkChild(Stream.runDrain(yield* store.feed({})), { startImmediately: true })
      const revoked = yield* Effect.forkChild(Stream.runDrain(store.revoked("w")), { startImmediately: true })
      const due = yield* Effect.forkChild(
        store.schedules.due(() => 0),
        { startImmediately: true }
      )
      yield* fill
      yield* submitUntilFull(store)
      for (const fiber of [waiting, claiming, watching, reading, revoked, due]) {
        expect(yield* Effect.flip(Fiber.join(fiber as Fiber.Fiber<unknown, unknown>))).toMatchObject({
          _tag: "StoreUnavailable"
        })
      }
      yield* empty
      yield* untilOpen(store)
      expect((yield* store.settle([{ claim: claimed!, outcome: done({ a: "1" }) }])).refused).toHaveLength(1)
      expect(yield* store.renew([claimed!])).toEqual([claimed])
      const claims = yield* store.claim({ ...request, max: 1_000 })
      const same = claims.find((claim) => claim.runId === runId)!
      expect(same).toMatchObject({ step: "a", attempt: 2, isAlone: false })
      yield* store.settle([{ claim: same, outcome: done({ a: "2" }) }])
      expect(yield* store.get(runId)).toMatchObject({ outputs: { a: "2" }, stepsCompleted: 1 })
    })
  )
})
