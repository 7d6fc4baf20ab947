/** Claims and outcomes as the scripts read and write them. */
import type { Claim, Note, Settlement } from "../../core/Store.ts"
import type { Json } from "../../core/Value.ts"
import type { Argument } from "./Scripts.ts"

/** A claim, as a script gives it; `values` is `=` where they are those of the claim before. */
export type Lent = [
  unit: string,
  token: string,
  attempt: number,
  failures: number,
  firstAt: string,
  phase: "R" | "P" | "E",
  item: Json,
  queue: string,
  step: string,
  values: ReadonlyArray<string> | "="
]

const PHASES = { R: "run", P: "probe", E: "expand" } as const

/** A claim of the Store on Redis. */
export interface RedisClaim extends Claim {
  /** The unit that it is about: run, step, and item where there is one. */
  readonly unit: string
}

/** The claims that a script has lent. */
export const readClaims = (lent: ReadonlyArray<Lent>): ReadonlyArray<RedisClaim> => {
  let values: ReadonlyMap<string, Json> = new Map()
  return lent.map(([unit, token, attempt, failures, firstAt, phase, item, queue, step, flat]) => {
    if (flat !== "=") values = toMap(flat)
    const [runId, index, place] = unit.split(":") as [string, string, string | undefined]
    // A queue is a priority, a version and a pipeline.
    const version = queue.indexOf("|") + 1
    const pipeline = queue.indexOf(":", version) + 1
    return {
      unit,
      runId,
      pipelineId: queue.slice(pipeline),
      version: queue.slice(version, pipeline - 1),
      step,
      index: Number(index),
      phase: PHASES[phase],
      item: place === undefined ? undefined : { index: Number(place), value: item },
      attempt: Number(attempt),
      failures: Number(failures),
      firstAtMillis: Number(firstAt),
      token,
      values
    }
  })
}

const toMap = (flat: ReadonlyArray<string>): ReadonlyMap<string, Json> => {
  const map = new Map<string, Json>()
  for (let at = 0; at < flat.length; at += 2) map.set(flat[at]!, flat[at + 1]!)
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
