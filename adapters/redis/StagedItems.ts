/**
 * The items of a list on their way to Redis: put aside in parts, under a name that only their claim knows, before the act that
 * makes them the items of a step. A list of any length is one small call of the script then.
 */
import type { Settlement } from "../../core/Store.ts"
import { bytesOfText, slices } from "./Calls.ts"
import type { Scripts } from "./Scripts.ts"
import { type Staged, unitOf } from "./WorkCode.ts"

export type { Staged } from "./WorkCode.ts"

/** How long they stay unless the act comes, in seconds. */
const KEPT_SECONDS = 3_600

/** Puts the items of an expansion aside; nothing for another outcome. */
export const stage = async (
  { client, prefix }: Scripts,
  { claim, outcome }: Settlement
): Promise<Staged | undefined> => {
  if (outcome._tag !== "Expanded") return undefined
  const name = `${unitOf(claim)}|${claim.token}`
  const key = `${prefix}s:${name}`
  const units = outcome.units.map((unit, at) => [`v${at}`, unit] as const)
  for (const part of slices(units, ([, unit]) => bytesOfText(unit))) await client.hset(key, ...part.flat())
  await client.expire(key, KEPT_SECONDS)
  return { name, units: 0, items: 0, bytes: 0 }
}
