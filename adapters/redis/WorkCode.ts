/** Claims and outcomes as the scripts read and write them. */
import type { Claim, Note, Settlement } from "../../core/Store.ts"
import type { Json } from "../../core/Value.ts"
import type { Argument } from "./Scripts.ts"

type Phase = "R" | "P" | "E"

const PHASES = { R: "run", P: "probe", E: "expand" } as const

/** A claim of the Store on Redis. */
export interface RedisClaim extends Claim {
  readonly values: ReadonlyMap<string, Json>
}

/** The claims that a script has lent: texts with U+001F between them, which no JSON and no name has. */
export const readClaims = (lent: string): ReadonlyArray<RedisClaim> => {
  if (lent === "") return []
  const texts = lent.split("\u001f")
  const claims: Array<RedisClaim> = []
  let values: ReadonlyMap<string, Json> = new Map()
  for (let at = 0; at < texts.length; ) {
    const unit = texts[at]!
    const size = texts[at + 9]!
    const [runId, index, place] = unit.split(":") as [string, string, string | undefined]
    // A queue is a priority, a version and a pipeline.
    const queue = texts[at + 7]!
    const version = queue.indexOf("|") + 1
    const pipeline = queue.indexOf(":", version) + 1
    const next = at + 10 + (size === "=" ? 0 : 2 * Number(size))
    // Of the same step as the claim before: with the same values.
    if (size !== "=") values = toMap(texts, at + 10, next)
    claims.push({
      runId,
      pipelineId: queue.slice(pipeline),
      version: queue.slice(version, pipeline - 1),
      step: texts[at + 8]!,
      index: Number(index),
      phase: PHASES[texts[at + 5] as Phase],
      item: place === undefined ? undefined : { index: Number(place), value: texts[at + 6]! },
      attempt: Number(texts[at + 2]),
      failures: Number(texts[at + 3]),
      elapsedMillis: Number(texts[at + 4]),
      isAlone: false,
      token: texts[at + 1]!,
      values
    })
    at = next
  }
  return claims
}

const toMap = (texts: ReadonlyArray<string>, from: number, to: number): ReadonlyMap<string, Json> => {
  const map = new Map<string, Json>()
  for (let at = from; at < to; at += 2) map.set(texts[at]!, texts[at + 1]!)
  return map
}

/** The unit of a claim, whoever made it. */
export const unitOf = ({ runId, index, item }: Claim): string =>
  item === undefined ? `${runId}:${index}` : `${runId}:${index}:${item.index}`

/** Adds a settlement to the arguments of a script. */
export const writeSettlement = (args: Array<Argument>, { claim, outcome }: Settlement): void => {
  args.push(unitOf(claim), claim.token)
  switch (outcome._tag) {
    case "Completed": {
      const at = args.push("C", outcome.arm ?? "", 0) - 1
      for (const name of Object.keys(outcome.outputs)) args.push(name, outcome.outputs[name]!)
      args[at] = args.length - at - 1
      return
    }
    case "Failed":
      args.push("F", JSON.stringify(outcome.error))
      return
    case "Retried":
      args.push("T", JSON.stringify(outcome.error), Math.ceil(outcome.waitMillis), outcome.error.item ?? "")
      return
    case "Released":
      args.push("L", JSON.stringify(outcome.reason))
      return
    case "Probed": {
      const { limits, memo } = outcome
      args.push("P", limits.length === 0 ? "" : JSON.stringify(limits), memo?.text ?? "", memo?.ttlMillis ?? "")
      return
    }
    case "Expanded":
      args.push("X", outcome.count, outcome.size, outcome.units.length)
      for (const unit of outcome.units) args.push(unit)
      return
  }
}

/** Adds a note to the arguments of a script. */
export const writeNote = (args: Array<Argument>, { claim, progress, line, dropped = 0 }: Note): void => {
  const { step, attempt } = claim
  args.push(unitOf(claim), claim.token, attempt)
  if (progress === undefined) args.push("", "")
  else args.push(progress.done, progress.total)
  args.push(line === undefined ? "" : JSON.stringify({ step, attempt, ...line }), dropped)
}
