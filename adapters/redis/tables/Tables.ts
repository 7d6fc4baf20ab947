/** Tables of a Store on Redis, which hold up to some thousand entries: read and written in steps that are bounded. */

import type { Scripts } from "../connection/Scripts.ts"
import { ANSWER_BYTES } from "../runs/Fields.ts"

/** The texts of a hash by their ids. What comes or goes meanwhile is in it or not. */
export const entries = async (scripts: Scripts, key: string): Promise<ReadonlyMap<string, string>> => {
  const found = new Map<string, string>()
  for await (const some of scan(scripts, "HSCAN", key)) {
    for (let at = 0; at < some.length; at += 2) found.set(some[at]!, some[at + 1]!)
  }
  return found
}

/** The members of a set. */
export const members = async (scripts: Scripts, key: string): Promise<ReadonlySet<string>> => {
  const found = new Set<string>()
  for await (const some of scan(scripts, "SSCAN", key)) for (const member of some) found.add(member)
  return found
}

async function* scan(scripts: Scripts, command: "HSCAN" | "SSCAN", key: string): AsyncIterable<ReadonlyArray<string>> {
  let cursor = "0"
  do {
    const answer = await scripts.call("scan", [command, key, cursor, ANSWER_BYTES])
    const [next, some] = answer as readonly [string, ReadonlyArray<string>]
    yield some
    cursor = next
  } while (cursor !== "0")
}

/** What became of a text that was to be kept. */
export type Kept = "kept" | "taken" | "full"

const KEPT: Readonly<Record<string, Kept>> = { "1": "kept", "0": "taken", "-1": "full" }

/** Keeps a text in a hash, which takes so many; with `replace`, also in the place of another one with its id. */
export const keep = async (
  scripts: Scripts,
  key: string,
  {
    id,
    text,
    most,
    replace
  }: { readonly id: string; readonly text: string; readonly most: number; readonly replace: boolean }
): Promise<Kept> => KEPT[String(await scripts.call("keep", [key, id, text, most, replace ? "1" : ""]))]!
