/**
 * What is too long for one call on its way to Redis: the items of a list, or the outputs of a step. It is put aside in parts,
 * under a name that only its claim knows, before the act that takes it from there; that act is one small call then.
 */
import type { DoneUnit } from "../../../core/run/KeptItems.ts"
import type { Claim, Outcome } from "../../../core/store/Work.ts"
import { bytesOfText, slices } from "../connection/CallSize.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { expansionOf } from "../runs/RedisItems.ts"
import { type Staged, unitOf } from "./WorkCode.ts"

type Expanded = Extract<Outcome, { readonly _tag: "Expanded" }>

/** How long they stay unless the act comes, in seconds. */
const KEPT_SECONDS = 3_600

/** How many units have their results put together; the scripts have the same number. */
const CHUNK = 1_000

type Pair = readonly [field: string, text: string]

/** Puts the outputs of a step aside. Gives the name that they are under. */
export const stageOutputs = async (
  scripts: Scripts,
  claim: Claim,
  outputs: Readonly<Record<string, string>>
): Promise<string> => {
  const name = nameOf(claim)
  await put(
    scripts,
    `s:${name}`,
    Object.keys(outputs).map((output): Pair => [output, outputs[output]!])
  )
  return name
}

const nameOf = (claim: Claim): string => `${unitOf(claim)}|${claim.token}`

/** Puts the items of an expansion aside. */
export const stage = async (scripts: Scripts, claim: Claim, expanded: Expanded): Promise<Staged> => {
  const name = nameOf(claim)
  const key = `s:${name}`
  const outputs = expanded.done === undefined ? [] : ((await expansionOf(scripts, claim.runId, claim.index))?.u ?? [])
  const done = doneOf(expanded, outputs)
  await put(scripts, `${key}:z`, done.leases)
  // The last unit is by what an act sees that all of them are there.
  await put(scripts, key, [...done.results, ...expanded.units.map((unit, at): Pair => [`v${at}`, unit])])
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

/** What is completed from the start, as acts write it. */
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
      results.push([`r${place + 1}:${each.unit}`, json])
      bytes += bytesOfText(json) + 1
    }
    const chunk = Math.floor(each.unit / CHUNK)
    chunks.set(chunk, [...(chunks.get(chunk) ?? []), each])
  }
  for (const [chunk, of] of chunks) {
    results.push([`n${chunk}`, String(of.length)])
    const first = chunk * CHUNK
    if (of.length < Math.min(first + CHUNK, units.length) - first) continue
    for (const [place, name] of outputs.entries()) {
      const texts = of.flatMap((each) => each.outputs[name] ?? [])
      if (texts.length > 0) results.push([`c${place + 1}:${chunk}`, texts.join(",")])
    }
  }
  return { leases: sorted.map(({ unit }): Pair => [`l${unit}`, "+0"]), results, items, bytes }
}
