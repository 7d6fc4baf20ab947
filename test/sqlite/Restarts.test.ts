/** What a Store in a file has after its process has ended, in order or not. */
import { copyFileSync, existsSync } from "node:fs"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import * as Schedule from "../../core/run/Schedule.ts"
import type { FeedItem } from "../../core/store/Feed.ts"
import type { Store } from "../../core/store/Store.ts"
import { broken, chain, done, newRun, single } from "../conformance/store/harness/StoreDriver.ts"
import { files, opened, request } from "./StoreFiles.ts"

const file = files()
const idle = { ...request, isIdle: true }

/** A copy of the file at this instant, as a process leaves it that is killed. */
const crashed = (path: string): string => {
  const copy = file()
  copyFileSync(path, copy)
  if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`)
  return copy
}

const settleAll = (store: Store, outcome = done({})) =>
  Effect.gen(function* () {
    const { claims } = yield* store.settle([], idle)
    yield* store.settle(claims.map((claim) => ({ claim, outcome })))
    return claims
  })

const events = (store: Store, runId: string) =>
  Effect.flatMap(store.get(runId), ({ sequence }) => Stream.runCollect(Stream.take(store.watch(runId), sequence)))

describe("after a restart", () => {
  it.live("the small tables are as they were", () =>
    Effect.gen(function* () {
      const path = file()
      const first = yield* opened({ file: path })
      const { acls, definitions, tokens, audit, schedules, pause, submit } = first.store
      yield* acls.put("p", { read: ["admin"] })
      yield* acls.put("q", { read: ["admin"] })
      yield* acls.remove("q")
      const definition = { id: "d", kind: "dataflow", tasks: ["a"], createdAtMillis: 1 } as const
      yield* definitions.put(definition)
      yield* tokens.put("digest", { id: "someone", roles: [], grants: [] } as never, 60_000)
      for (const outcome of ["allowed", "denied"] as const) {
        yield* audit.append({ operation: "GET /runs", permission: "read", outcome })
      }
      const schedule = Schedule.make(
        {
          id: "s",
          pipelineId: "p",
          timing: { everyMillis: 1_000 },
          parameters: {},
          catchUp: "one",
          overlap: "allow",
          priority: 0,
          graceMillis: 0
        },
        1_000,
        2_000,
        "v"
      )
      yield* schedules.put(schedule, false)
      yield* pause("paused")
      const keyed = newRun(single, { idempotency: { key: "k", fingerprint: "f" } })
      const id = yield* submit(keyed)
      const records = yield* audit.list({ limit: 10 })
      yield* first.close

      const { store, close } = yield* opened({ file: path })
      expect([...(yield* store.acls.list)]).toEqual([["p", { read: ["admin"] }]])
      expect(yield* store.definitions.list).toEqual([definition])
      expect(yield* store.tokens.get("digest")).toMatchObject({ id: "someone" })
      expect(yield* store.audit.list({ limit: 10 })).toEqual(records)
      expect(yield* store.schedules.get("s")).toEqual(JSON.parse(JSON.stringify(schedule)))
      expect([...(yield* store.paused)]).toEqual(["paused"])
      expect(yield* store.submit(keyed)).toBe(id)
      expect((yield* store.schedules.due(() => 0))[0]!.schedule.id).toBe("s")
      yield* close
    })
  )

  it.live("the feed goes on behind a cursor of before, and misses nothing", () =>
    Effect.gen(function* () {
      const path = file()
      const first = yield* opened({ file: path })
      const id = yield* first.store.submit(newRun(single))
      yield* settleAll(first.store)
      const readAll = (store: Store, after: string) =>
        Effect.flatMap(store.feed({ after, isEndless: false }), Stream.runCollect) as Effect.Effect<
          ReadonlyArray<FeedItem>,
          unknown
        >
      const all = yield* readAll(first.store, "0")
      yield* first.close
      const { store, close } = yield* opened({ file: path })
      expect(yield* readAll(store, "0")).toEqual(all)
      expect(yield* readAll(store, all[1]!.cursor)).toEqual(all.slice(2))
      const next = yield* store.submit(newRun(single))
      yield* settleAll(store)
      const more = yield* readAll(store, all.at(-1)!.cursor)
      expect(more.map(({ event }) => event!.runId)).toEqual([next, next, next, next])
      expect(more.some(({ isBehindGap }) => isBehindGap)).toBe(false)
      expect(yield* store.get(id)).toMatchObject({ status: "COMPLETED" })
      yield* close
    })
  )

  it.live("a reader of the feed moves over runs that were deleted, and learns of the gap", () =>
    Effect.gen(function* () {
      const path = file()
      const first = yield* opened({ file: path })
      const kept = yield* first.store.submit(newRun(single))
      yield* first.store.cancel(kept, "x")
      const gone = yield* first.store.submit(newRun(single))
      yield* settleAll(first.store)
      yield* first.store.remove(gone)
      yield* first.close
      for (const isAllGone of [false, true]) {
        const { store, close } = yield* opened({ file: path })
        const feed = yield* store.feed({ after: "0" })
        const next = yield* store.submit(newRun(single))
        yield* store.cancel(next, "x")
        const items = yield* Stream.runCollect(Stream.takeUntil(feed, ({ event }) => event?.runId === next))
        expect(items.map(({ event }) => event?.runId)).toEqual(isAllGone ? [next] : [kept, next])
        expect(items.at(-1)!.isBehindGap).toBe(true)
        if (!isAllGone) {
          // A reader that was within what is gone now.
          const read = yield* Stream.runCollect(yield* store.feed({ after: items[0]!.cursor, isEndless: false }))
          expect(read.map(({ event }) => event?.runId)).toEqual([next])
        }
        for (const id of [kept, next]) yield* Effect.ignore(store.remove(id))
        yield* close
      }
    })
  )

  it.live("memoised outputs are taken, and a run that waits for a caller goes on", () =>
    Effect.gen(function* () {
      const path = file()
      const first = yield* opened({ file: path })
      const probed = { ...single, steps: [{ ...single.steps[0]!, probed: true }] }
      const memo = { _tag: "Probed", limits: [], memo: { text: "memo", ttlMillis: 0 } } as const
      yield* first.store.submit(newRun(probed))
      yield* settleAll(first.store, memo as never)
      yield* settleAll(first.store, done({ a: "42" }))
      const unfinished = yield* first.store.submit(newRun(chain))
      const waiting = yield* Effect.forkChild(first.store.wait(unfinished), { startImmediately: true })
      yield* first.close
      expect(yield* Fiber.join(waiting)).toMatchObject({ status: "PENDING" })
      const { store, close } = yield* opened({ file: path })
      const again = yield* store.submit(newRun(probed))
      const claims = yield* store.claim(idle)
      for (const claim of claims) {
        yield* store.settle([{ claim, outcome: claim.phase === "probe" ? memo : done({ a: "1" }) }])
      }
      expect(yield* store.wait(again)).toMatchObject({ outputs: { a: "42" }, steps: [{ memoised: true }] })
      expect(yield* store.get(unfinished)).toMatchObject({ status: "RUNNING", outputs: { a: "1" } })
      yield* close
    })
  )

  it.effect("finished runs are kept by count and by age, and their numbers are not given to others", () =>
    Effect.gen(function* () {
      const path = file()
      const options = { file: path, historyCount: 3, historyMillis: 10_000 }
      let { store, close } = yield* opened(options)
      const ids: Array<string> = []
      for (let run = 0; run < 6; run++) {
        ids.push(yield* store.submit(newRun(single)))
        yield* settleAll(store)
      }
      const kept = () => Effect.map(store.list({ limit: 10 }), ({ runs }) => runs.map(({ id }) => id))
      expect(yield* kept()).toEqual(ids.slice(3).reverse())
      yield* close
      ;({ store, close } = yield* opened(options))
      expect(yield* kept()).toEqual(ids.slice(3).reverse())
      expect(yield* Effect.flip(store.get(ids[0]!))).toMatchObject({ _tag: "RunNotFound" })
      yield* TestClock.adjust(10_000)
      expect(yield* kept()).toEqual([])
      expect(yield* Effect.flip(store.get(ids[5]!))).toMatchObject({ _tag: "RunNotFound" })
      const unfinished = yield* store.submit(newRun(single))
      expect(yield* kept()).toEqual([unfinished])
      yield* close
    })
  )

  it.live("a backup has what was recorded, while the owner goes on", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      const id = yield* store.submit(newRun(chain))
      yield* settleAll(store)
      const copy = file()
      yield* SqliteStore.backup(path, copy)
      yield* settleAll(store)
      expect(yield* store.get(id)).toMatchObject({ stepsCompleted: 2 })
      yield* close
      const restored = yield* opened({ file: copy })
      expect(yield* restored.store.get(id)).toMatchObject({ stepsCompleted: 1, status: "RUNNING" })
      yield* restored.close
    })
  )
})

describe("after a crash", () => {
  it.live("steps that were running are ready at once, and count a lost worker; after an orderly end they do not", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      const id = yield* store.submit(newRun(single))
      yield* store.claim(idle)
      const copy = crashed(path)
      yield* close
      for (const [one, reason] of [
        [path, "its process restarted, or its Store recovered from a failure"],
        [copy, "the program that ran it ended"]
      ] as const) {
        const next = yield* opened({ file: one })
        const released = (yield* events(next.store, id)).at(-1)!
        expect(released).toMatchObject({ type: "StepReleased", reason })
        const [claimed] = yield* next.store.claim(idle)
        expect(claimed).toMatchObject({ runId: id, attempt: 2, failures: 0 })
        yield* next.close
      }
    })
  )

  it.live("a step that was running at each of three crashes runs alone, and then fails", () =>
    Effect.gen(function* () {
      let path = file()
      const first = yield* opened({ file: path })
      const id = yield* first.store.submit(newRun(single))
      const neighbour = yield* first.store.submit(newRun(single))
      let { store, close } = first
      for (let crash = 1; crash <= 3; crash++) {
        const claims = yield* store.claim({ ...idle, max: 1 })
        expect(claims).toMatchObject([{ attempt: crash, isAlone: crash === 3 }])
        const copy = crashed(path)
        yield* close
        path = copy
        ;({ store, close } = yield* opened({ file: path }))
        const [one, other] = [yield* store.get(id), yield* store.get(neighbour)]
        if (crash < 3) expect([one.status, other.status]).toContain("RUNNING")
      }
      const states = [yield* store.get(id), yield* store.get(neighbour)]
      const failed = states.find(({ status }) => status === "FAILED")
      expect(failed?.error).toMatchObject({ name: "WorkerLost" })
      yield* close
    })
  )

  it.live("what was not settled runs again, what was settled does not", () =>
    Effect.gen(function* () {
      const path = file()
      const { store, close } = yield* opened({ file: path })
      const id = yield* store.submit(newRun(chain))
      yield* settleAll(store, done({ a: "1" }))
      const failing = yield* store.submit(newRun(single))
      const claims = yield* store.claim(idle)
      yield* store.settle(claims.filter(({ runId }) => runId === failing).map((claim) => ({ claim, outcome: broken })))
      const next = yield* opened({ file: crashed(path) })
      expect(yield* next.store.get(failing)).toMatchObject({ status: "FAILED", error: { message: "it broke" } })
      const [again] = yield* next.store.claim(idle)
      expect(again).toMatchObject({ runId: id, step: "b", attempt: 2 })
      expect(again!.values.get("a")).toBe("1")
      expect(Exit.isSuccess(yield* Effect.exit(next.close))).toBe(true)
      yield* close
    })
  )
})
