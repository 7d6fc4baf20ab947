/** What the tests of Stores in files share: a folder of their own, and Stores that end before the test does. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll } from "vitest"
import { SqliteStore } from "../../adapters/sqlite/index.ts"

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
