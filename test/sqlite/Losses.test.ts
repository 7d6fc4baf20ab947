/** Which steps count a lost worker when their process is killed: those that a worker had leased. */
import { copyFileSync, rmSync } from "node:fs"
import * as sqlite from "node:sqlite"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { describe, expect } from "vitest"
import * as SqliteFile from "../../adapters/sqlite/SqliteFile.ts"
import { SqliteJournal } from "../../adapters/sqlite/SqliteJournal.ts"
import * as DurableStore from "../../core/memory/DurableStore.ts"
import type { Plan } from "../../core/pipeline/Plan.ts"
import type { Store } from "../../core/store/Store.ts"
import { expanded, planWith } from "../conformance/store/harness/ItemDriver.ts"
import { newRun, single } from "../conformance/store/harness/StoreDriver.ts"
import { files, request } from "./StoreFiles.ts"

const file = files()
const one = { ...request, max: 1, isIdle: true }

const copy = (from: string, to: string): void => {
  rmSync(`${to}-wal`, { force: true })
  for (const part of ["", "-wal"]) copyFileSync(from + part, to + part)
}

/** A file as a process leaves it that is killed after an act. */
const killed = (path: string, act: (store: Store) => Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const owned = SqliteFile.own(sqlite, path, "off", 0)
    yield* Effect.addFinalizer(() => Effect.sync(owned.close))
    yield* act(yield* DurableStore.make({}, new SqliteJournal(owned), owned.isLoss))
    const left = file()
    copy(path, left)
    return left
  }).pipe(Effect.scoped)

const probed: Plan = { ...single, steps: single.steps.map((step) => ({ ...step, probed: true })) }

/** How a first worker gets the unit in question ready, and what it is a unit of. */
const begin = (plan: Plan, isItem: boolean) => (store: Store) =>
  Effect.gen(function* () {
    yield* store.submit(newRun(plan))
    if (!isItem) return yield* store.claim(one)
    const [claim] = yield* store.claim(one)
    return yield* store.settle([{ claim: claim!, outcome: expanded(["1"]) }], one)
  })

const statusIn = (path: string) =>
  Effect.gen(function* () {
    const owned = SqliteFile.own(sqlite, path, "off", 0)
    yield* Effect.addFinalizer(() => Effect.sync(owned.close))
    const journal = new SqliteJournal(owned)
    const store = yield* DurableStore.make({}, journal, owned.isLoss)
    const [run] = (yield* store.list({ limit: 1 })).runs
    return { status: run!.status, error: run!.error?.name }
  }).pipe(Effect.scoped)

const isUnfinished = { error: undefined }
const hasFailed = { status: "FAILED", error: "WorkerLost" }

describe.each([
  ["a step", single, false],
  ["a step that is probed first", probed, false],
  ["an item", planWith({}), true]
])("%s of a process that is killed", (_, plan, isItem) => {
  it.live("counts a lost worker, and fails with the third", () =>
    Effect.gen(function* () {
      let path = yield* killed(file(), begin(plan, isItem))
      path = yield* killed(path, (store) => store.claim(one))
      expect(yield* statusIn(path)).toMatchObject(isUnfinished)
      path = yield* killed(path, (store) => store.claim(one))
      expect(yield* statusIn(path)).toEqual(hasFailed)
    })
  )

  it.live("counts none as long as no worker leases it", () =>
    Effect.gen(function* () {
      let path = yield* killed(file(), begin(plan, isItem))
      for (let kill = 0; kill < 6; kill++) path = yield* killed(path, (store) => store.ping)
      expect(yield* statusIn(path)).toMatchObject(isUnfinished)
    })
  )
})
