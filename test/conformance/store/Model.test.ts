import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Store from "../../../core/StoreModule.ts"
import { cases } from "../../cases.ts"
import { acts, play } from "./harness/Interleaving.ts"

describe("Store against a list model", () => {
  it.effect("memory", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(acts, (some) =>
          Effect.runPromise(
            Effect.provide(
              Effect.flatMap(Store.Store, (store) => play(some, { stores: [store] })),
              Store.layerMemory()
            )
          )
        ),
        { numRuns: cases(1_500) }
      )
    )
  )
})
