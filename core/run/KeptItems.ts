/** The units of a map or filter that a retry keeps, because the earlier run completed them. */
import type { Json } from "../json/Value.ts"

/** A completed unit, with its outputs as its worker settled them. */
export interface DoneUnit {
  readonly unit: number
  readonly outputs: Readonly<Record<string, Json>>
}

/** The completed units of a step, how many units it had, and how many items each had (the last may have fewer). */
export interface KeptItems {
  readonly units: number
  readonly size: number
  readonly done: ReadonlyArray<DoneUnit>
}

/** Under this name an expand claim reads its step's `KeptItems`. The name is not a valid name for a value of a run. */
export const KEPT_ITEMS = "\u0001kept"

/** How long all units of a step may be together, kept units included, as a multiple of the longest value. */
export const MAX_EXPANSION = 16

/** The JSON of the value `KEPT_ITEMS`. */
export const write = (kept: KeptItems): Json => JSON.stringify(kept)

/** The kept units; undefined when the step now has another number or size of units than in the earlier run. */
export const readMatching = (
  text: Json | undefined,
  units: number,
  size: number
): ReadonlyArray<DoneUnit> | undefined => {
  if (text === undefined) return undefined
  const kept = JSON.parse(text) as KeptItems
  return kept.units === units && kept.size === size ? kept.done : undefined
}
