/** Shared by the tests of Stores in files: a folder for the files, Stores that a test closes, and what tests ask of them. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll } from "vitest"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import type { Store } from "../../core/store/Store.ts"
import { done, newRun, ownVersions, single } from "../conformance/store/harness/StoreDriver.ts"

/** Names files in a folder that is deleted after the tests. */
export const files = (): (() => string) => {
  const folder = mkdtempSync(join(tmpdir(), "levada-sqlite-"))
  let count = 0
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return () => join(folder, `${++count}.db`)
}

/** Opens a Store that the test closes. */
export const opened = (options: SqliteStore.Options) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const store = yield* Scope.provide(SqliteStore.make(options), scope)
    return { store, close: Scope.close(scope, Exit.void) }
  })

/** Why a file is refused: the name of the error, and its message. */
export const refusal = (path: string): Effect.Effect<string, Store> =>
  Effect.map(Effect.scoped(Effect.flip(SqliteStore.make({ file: path }))), String)

/** Waits until a Store whose file failed goes on. */
export const untilOpen = ({ ping }: Store): Effect.Effect<void> => {
  const again: Effect.Effect<void> = Effect.catch(ping, () => Effect.andThen(Effect.sleep(20), again))
  return again
}

/** How the worker `w` asks for steps. */
export const request = { worker: "w", max: 100, versions: ownVersions }

/** Finishes a run of one step with this output. */
export const finish = (store: Store, output = "") =>
  Effect.gen(function* () {
    const id = yield* store.submit(newRun(single))
    const claims = yield* store.claim(request)
    yield* store.settle(claims.map((claim) => ({ claim, outcome: done({ a: JSON.stringify(output) }) })))
    return id
  })
