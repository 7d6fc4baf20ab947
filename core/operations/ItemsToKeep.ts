/** Reads the items that a retry keeps from the Store. */
import * as Effect from "effect/Effect"
import { fromRow, MAX_LISTED } from "../run/ItemList.ts"
import { type DoneUnit, type KeptItems, MAX_EXPANSION } from "../run/KeptItems.ts"
import type { Store } from "../store/Store.ts"
import * as Bytes from "../values/Bytes.ts"
import type { RunNotFound, StoreUnavailable } from "../values/Errors.ts"

/** What a Store still has of these steps of a run. A step whose kept items would be too long keeps none. */
export const gather = (
  store: Pick<Store, "items" | "maxValueBytes">,
  runId: string,
  steps: ReadonlyArray<string>
): Effect.Effect<Readonly<Record<string, KeptItems>>, RunNotFound | StoreUnavailable> =>
  Effect.map(
    Effect.forEach(steps, (step) => ofStep(store, runId, step)),
    (all) =>
      Object.fromEntries(
        steps.flatMap((step, at) => (all[at] === undefined || all[at].done.length === 0 ? [] : [[step, all[at]]]))
      )
  )

const ofStep = (
  store: Pick<Store, "items" | "maxValueBytes">,
  runId: string,
  step: string
): Effect.Effect<KeptItems | undefined, RunNotFound | StoreUnavailable> =>
  Effect.gen(function* () {
    const done: Array<DoneUnit> = []
    let cursor: string | undefined
    let bytes = 0
    for (;;) {
      const request = {
        runId,
        step,
        status: "COMPLETED",
        limit: MAX_LISTED,
        ...(cursor !== undefined && { cursor })
      } as const
      const page = yield* store.items(request).pipe(
        // The step is one of the run, and the cursor is the Store's own.
        Effect.catchTag(["InvalidOption", "UnknownStep"], Effect.die)
      )
      for (const { index, outputs } of page.items) {
        const kept: DoneUnit = { unit: index, outputs: fromRow(outputs, page.size) }
        bytes += Bytes.ofText(JSON.stringify(kept)) + 1
        done.push(kept)
      }
      if (bytes > MAX_EXPANSION * store.maxValueBytes) return undefined
      cursor = page.nextCursor
      if (cursor === undefined) return { units: page.units, size: page.size, done }
    }
  })
