/**
 * Sends items of a list, or outputs of a step, that are too long for one call. Several calls put them into a hash of their
 * own, named by the claim; then one small call records the outcome and takes them from there.
 */
import type { DoneUnit } from "../../../core/run/KeptItems.ts"
import type { Claim, Outcome } from "../../../core/store/Work.ts"
import { bytesOfText, slices } from "../connection/CallSize.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { BOUND, END, EXPANDS, ITEMS, KEY, WORK } from "../lua/Codes.ts"
import { expansionOf } from "../runs/RedisItems.ts"
import { type Staged, unitOf } from "./WorkCode.ts"

type Expanded = Extract<Outcome, { readonly _tag: "Expanded" }>

/** When the hash expires if that last call never comes, in seconds. */
const KEPT_SECONDS = 3_600

type Pair = readonly [field: string, text: string]

/** Stages the outputs of a step. Returns the name of the hash. */
export const stageOutputs = async (
  scripts: Scripts,
  claim: Claim,
  outputs: Readonly<Record<string, string>>
): Promise<string> => {
  const name = nameOf(claim)
  await put(
    scripts,
    `${KEY.staged}${name}`,
    Object.keys(outputs).map((output): Pair => [output, outputs[output]!])
  )
  return name
}

const nameOf = (claim: Claim): string => `${unitOf(claim)}|${claim.token}`

/** Stages the items of an expansion. */
export const stage = async (scripts: Scripts, claim: Claim, expanded: Expanded): Promise<Staged> => {
  const name = nameOf(claim)
  const key = `${KEY.staged}${name}`
  const outputs =
    expanded.done === undefined ? [] : ((await expansionOf(scripts, claim.runId, claim.index))?.[EXPANDS.outputs] ?? [])
  const done = doneOf(expanded, outputs)
  await put(scripts, `${key}:z`, done.leases)
  // In order: a script sees by the last unit that all parts have arrived.
  await put(scripts, key, [...done.results, ...expanded.units.map((unit, at): Pair => [`${ITEMS.unit}${at}`, unit])])
  return { name, units: done.leases.length, items: done.items, bytes: done.bytes }
}

const put = async (scripts: Scripts, key: string, pairs: ReadonlyArray<Pair>): Promise<void> => {
  for (const part of slices(pairs, ([, text]) => bytesOfText(text))) {
    await scripts.call("aside", [key, KEPT_SECONDS, ...part.flat()])
  }
}

interface Done {
  readonly leases: ReadonlyArray<Pair>
  readonly results: ReadonlyArray<Pair>
  readonly items: number
  readonly bytes: number
}

/** The fields of units that are completed from the start, as scripts write them. */
const doneOf = ({ done = [], units, count, size }: Expanded, outputs: ReadonlyArray<string>): Done => {
  const results: Array<Pair> = []
  const chunks = new Map<number, Array<DoneUnit>>()
  let items = 0
  let bytes = 0
  const sorted = [...done].sort((one, other) => one.unit - other.unit)
  for (const each of sorted) {
    const last = units.length - 1
    items += each.unit === last ? count - last * size : size
    for (const [place, name] of outputs.entries()) {
      const json = each.outputs[name]
      if (json === undefined) continue
      results.push([`${ITEMS.result}${place + 1}:${each.unit}`, json])
      bytes += bytesOfText(json) + 1
    }
    const chunk = Math.floor(each.unit / BOUND.chunk)
    chunks.set(chunk, [...(chunks.get(chunk) ?? []), each])
  }
  for (const [chunk, of] of chunks) {
    results.push([`${ITEMS.chunkEnded}${chunk}`, String(of.length)])
    const first = chunk * BOUND.chunk
    if (of.length < Math.min(first + BOUND.chunk, units.length) - first) continue
    for (const [place, name] of outputs.entries()) {
      const texts = of.flatMap((each) => each.outputs[name] ?? [])
      if (texts.length > 0) results.push([`${ITEMS.chunkResults}${place + 1}:${chunk}`, texts.join(",")])
    }
  }
  return {
    leases: sorted.map(({ unit }): Pair => [`${WORK.lease}${unit}`, `${END.completed}0`]),
    results,
    items,
    bytes
  }
}
