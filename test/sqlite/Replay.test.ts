/** A Store that is closed and loaded again within a random history is like one that never was. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { afterAll, describe, expect } from "vitest"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import * as MemoryStore from "../../core/memory/MemoryStore.ts"
import { cases } from "../cases.ts"
import { type Act, histories, type Life, live, pass, seen } from "./History.ts"

const folder = mkdtempSync(join(tmpdir(), "levada-replay-"))
let count = 0

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const compare = (history: ReadonlyArray<Act>) =>
  Effect.gen(function* () {
    const file = join(folder, `${++count}.db`)
    const begin = Effect.gen(function* () {
      const scope = yield* Scope.make()
      const store = yield* Scope.provide(SqliteStore.make({ file, synchronous: "off" }), scope)
      return { store, scope }
    })
    const memory: Life = { store: yield* MemoryStore.make(), ids: [] }
    let { store, scope } = yield* begin
    const sqlite: Life = { store, ids: [] }
    for (const act of history) {
      if (act.type === "restart") {
        yield* Scope.close(scope, Exit.void)
        ;({ store, scope } = yield* begin)
        sqlite.store = store
        expect(yield* seen(sqlite)).toEqual(yield* seen(memory))
      } else {
        yield* live(act, memory)
        yield* live(act, sqlite)
        yield* pass(act)
      }
    }
    expect(yield* seen(sqlite)).toEqual(yield* seen(memory))
    yield* Scope.close(scope, Exit.void)
    rmSync(file)
  })

describe("a Store in a file", () => {
  it("shows the same after it was closed and loaded again, and goes on like a Store in memory", () =>
    fc.assert(
      fc.asyncProperty(histories, (history) =>
        Effect.runPromise(Effect.scoped(compare(history)).pipe(Effect.provide(TestClock.layer())))
      ),
      { numRuns: cases(300) }
    ))
})
