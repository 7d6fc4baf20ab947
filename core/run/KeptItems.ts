/** What a retry keeps of a step that goes through items: the units that an earlier run completed. */
import type { Json } from "../json/Value.ts"

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
export const readMatching = (
  text: Json | undefined,
  units: number,
  size: number
): ReadonlyArray<DoneUnit> | undefined => {
  if (text === undefined) return undefined
  const kept = JSON.parse(text) as KeptItems
  return kept.units === units && kept.size === size ? kept.done : undefined
}
