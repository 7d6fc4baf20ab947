import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { SqliteStore } from "../../../adapters/sqlite/index.ts"
import { Store } from "../../../core/store/Store.ts"
import { cases } from "../../cases.ts"
import { acts, play } from "./harness/Interleaving.ts"

describe("Store compared with a list model", () => {
  it.effect("SQLite", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(acts, (some) =>
          Effect.runPromise(
            Effect.provide(
              Effect.flatMap(Store, (store) => play(some, { stores: [store] })),
              SqliteStore.layer({ file: ":memory:" })
            )
          )
        ),
        { numRuns: cases(300) }
      )
    )
  )
})
