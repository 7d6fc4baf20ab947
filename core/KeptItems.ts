/** What a retry keeps of a step that goes through items: the units that an earlier run completed. */
import * as Effect from "effect/Effect"
import * as Bytes from "./Bytes.ts"
import type { RunNotFound, StoreUnavailable } from "./Errors.ts"
import { fromRow, MAX_LISTED } from "./ItemList.ts"
import type { Store } from "./Store.ts"
import type { Json } from "./Value.ts"

/** A unit that is completed, and its outputs as its worker settled them. */
export interface DoneUnit {
  readonly unit: number
  readonly outputs: Readonly<Record<string, Json>>
}

/** The completed units of a step, how many units it had, and how many items each of them but the last. */
export interface KeptItems {
  readonly units: number
  readonly size: number
  readonly done: ReadonlyArray<DoneUnit>
}

/** The value of an expand claim that holds its step's `KeptItems`. No value of a run has this name: it is none. */
export const KEPT_ITEMS = "\u0001kept"

/** How long the items of one list may be together, kept ones included, as a multiple of the longest value. */
export const MAX_EXPANSION = 16

/** The value of that name. */
export const write = (kept: KeptItems): Json => JSON.stringify(kept)

/** What a step keeps that has so many units of that size; nothing when it had others in the run before. */
export const fitting = (text: Json | undefined, units: number, size: number): ReadonlyArray<DoneUnit> | undefined => {
  if (text === undefined) return undefined
  const kept = JSON.parse(text) as KeptItems
  return kept.units === units && kept.size === size ? kept.done : undefined
}

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
