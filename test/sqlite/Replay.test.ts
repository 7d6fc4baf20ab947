/** A Store that is closed or killed and loaded again within a random history is like one that never was. */
import { copyFileSync, rmSync } from "node:fs"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { describe, expect } from "vitest"
import * as MemoryStore from "../../core/memory/MemoryStore.ts"
import { cases } from "../cases.ts"
import { type Act, histories, killedHistories, type Life, live, pass } from "./History.ts"
import { files, opened } from "./StoreFiles.ts"
import { fed, type Seen, seen } from "./View.ts"

const file = files()

const PARTS = ["", "-wal"] as const

const compare = (history: ReadonlyArray<Act>) =>
  Effect.gen(function* () {
    const path = file()
    const open = opened({ file: path, synchronous: "off" })
    const memory: Life = { store: yield* MemoryStore.make(), ids: [], held: [], hasLimits: false }
    let { store, close } = yield* open
    const sqlite: Life = { store, ids: [], held: [], hasLimits: false }
    for (const act of history) {
      if (act.type === "restart") {
        yield* close
        ;({ store, close } = yield* open)
        sqlite.store = store
        expect(yield* seen(sqlite)).toEqual(yield* seen(memory))
      } else {
        yield* live(act, memory)
        yield* live(act, sqlite)
        yield* pass(act)
      }
    }
    expect(yield* seen(sqlite)).toEqual(yield* seen(memory))
    yield* close
    for (const part of PARTS) rmSync(path + part, { force: true })
  })

/** What is seen, without what the loss of workers changes: of runs whose steps workers had, only the events of before. */
const untouched = (all: Seen, held: ReadonlySet<number>, events: (run: number) => number | undefined): unknown => ({
  ...all,
  runs: all.runs.map((run, at) => (held.has(at) ? run.events?.slice(0, events(at)) : run)),
  lists: all.lists.map((list) => list.map((run) => (held.has(Number(run.id.slice(4))) ? run.id : run))),
  ...(held.size > 0 && { load: undefined })
})

const kill = (history: ReadonlyArray<Act>) =>
  Effect.gen(function* () {
    let path = file()
    const options = { synchronous: "off", maxLosses: 1_000 } as const
    let { store, close } = yield* opened({ file: path, ...options })
    const life: Life = { store, ids: [], held: [], hasLimits: true }
    for (const act of [...history, { type: "restart" } as const]) {
      yield* live(act, life)
      yield* pass(act)
      if (act.type !== "restart") continue
      // Records of allowed operations may be late in the file; they come with the next change.
      yield* store.audit.append({ operation: "the last", permission: "read", outcome: "denied" })
      const before = yield* seen(life)
      const feed = yield* fed(life)
      const copy = file()
      for (const part of PARTS) copyFileSync(path + part, copy + part)
      yield* close
      path = copy
      ;({ store, close } = yield* opened({ file: path, ...options }))
      life.store = store
      const after = yield* seen(life)
      const held = new Set(life.held.map(({ runId }) => life.ids.indexOf(runId)))
      life.held = []
      expect((yield* fed(life)).slice(0, feed.length)).toEqual(feed)
      const count = (run: number): number | undefined => before.runs[run]?.events?.length
      expect(untouched(after, held, count)).toEqual(untouched(before, held, count))
      for (const run of held) {
        const more = after.runs[run]!.events?.slice(count(run)) ?? []
        expect(more.filter(({ type }) => type !== "StepReleased")).toEqual([])
      }
    }
    yield* close
  })

describe("a Store in a file", () => {
  it(
    "shows the same after it was closed and loaded again, and goes on like a Store in memory",
    () =>
      fc.assert(
        fc.asyncProperty(histories, (history) =>
          Effect.runPromise(Effect.scoped(compare(history)).pipe(Effect.provide(TestClock.layer())))
        ),
        { numRuns: cases(200) }
      ),
    120_000
  )

  it(
    "shows the same after its process was killed, but for the steps that workers had",
    () =>
      fc.assert(
        fc.asyncProperty(killedHistories, (history) =>
          Effect.runPromise(Effect.scoped(kill(history)).pipe(Effect.provide(TestClock.layer())))
        ),
        { numRuns: cases(200) }
      ),
    120_000
  )
})
