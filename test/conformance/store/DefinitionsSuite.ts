/** Pipelines that were registered in a Store. */
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { MAX_DEFINITIONS } from "../../../core/store/PipelineDefinitions.ts"
import { Store } from "../../../core/store/Store.ts"
import type { Declare } from "./harness/Driving.ts"

const definition = (id: string, createdAtMillis: number, tasks: ReadonlyArray<string> = ["a"]) =>
  ({ id, kind: "dataflow", tasks, createdAtMillis }) as const

export const definitions = (test: Declare): void => {
  test(
    "are kept by id, in order of registration; the first of an id stays, until it is removed",
    Effect.gen(function* () {
      const { definitions } = yield* Store
      expect(yield* definitions.get("p")).toBeUndefined()
      expect(yield* definitions.put(definition("p", 1))).toBe(true)
      expect(yield* definitions.put(definition("p", 2, ["b"]))).toBe(false)
      expect(yield* definitions.put(definition("a", 3))).toBe(true)
      expect(yield* definitions.get("p")).toEqual(definition("p", 1))
      expect(yield* definitions.list).toEqual([definition("p", 1), definition("a", 3)])
      expect(yield* definitions.remove("p")).toBe(true)
      expect(yield* definitions.remove("p")).toBe(false)
      expect((yield* definitions.list).map(({ id }) => id)).toEqual(["a"])
      expect(yield* definitions.put(definition("p", 4, ["b"]))).toBe(true)
    })
  )

  test(
    "of many who register one id at once, one does",
    Effect.gen(function* () {
      const { definitions } = yield* Store
      const kept = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, at) => at),
        (at) => definitions.put(definition("p", at)),
        { concurrency: "unbounded" }
      )
      expect(kept.filter(Boolean)).toHaveLength(1)
      expect(yield* definitions.list).toHaveLength(1)
    })
  )

  test(
    "10,000 definitions are kept: a new one is refused then, and one that is there is not new",
    Effect.gen(function* () {
      const { definitions } = yield* Store
      const many = Array.from({ length: MAX_DEFINITIONS - 3 }, (_, at) => `p${at}`)
      yield* Effect.forEach(many, (id) => definitions.put(definition(id, 1)), { concurrency: 100, discard: true })
      const puts = yield* Effect.forEach(
        ["a", "b", "c", "d", "e"],
        (id) => Effect.exit(definitions.put(definition(id, 2))),
        { concurrency: "unbounded" }
      )
      expect(puts.filter(Exit.isSuccess)).toHaveLength(3)
      expect(yield* Effect.flip(definitions.put(definition("new", 3)))).toMatchObject({ _tag: "StoreUnavailable" })
      expect(yield* definitions.put(definition("p0", 3))).toBe(false)
      expect(yield* definitions.list).toHaveLength(MAX_DEFINITIONS)
    })
  )
}
