/** Claims and outcomes as the scripts read and write them. */

import type { Json } from "../../../core/json/Value.ts"
import type { Claim, Note, Outcome, Settlement } from "../../../core/store/Work.ts"
import { bytesOfText } from "../connection/CallSize.ts"
import type { Argument } from "../connection/Scripts.ts"

type Phase = "R" | "P" | "E"

const PHASES = { R: "run", P: "probe", E: "expand" } as const

/** A claim of the Store on Redis. */
export interface RedisClaim extends Claim {
  readonly values: ReadonlyMap<string, Json>
  /** The names of those that are not the run's but its own: kept items, and what the items before it have come to. */
  readonly own: ReadonlyArray<string>
  /**
   * The names of its other values, where these are more than the script passes and have to be fetched. Claims with the same values
   * have the same list.
   */
  readonly names?: ReadonlyArray<string>
}

/** How many texts a claim has before its values. */
const HEAD = 10

/**
 * The claims that a script has lent: texts with U+001F between them, which no JSON and no name has. After the head of each
 * there is how many values follow, by name; `=` for the same as the claim before has; or `?` and how many names follow, and behind
 * these how many values. `+` and another number says how many values of its own the unit has, behind those of its run.
 */
export const readClaims = (lent: string): ReadonlyArray<RedisClaim> => {
  if (lent === "") return []
  const texts = lent.split("\u001f")
  const claims: Array<RedisClaim> = []
  let values: ReadonlyMap<string, Json> = new Map()
  let names: ReadonlyArray<string> | undefined
  let own = NO_NAMES
  for (let at = 0; at < texts.length; ) {
    const unit = texts[at]!
    const size = texts[at + HEAD - 1]!
    const [runId, index, place] = unit.split(":") as [string, string, string | undefined]
    // A queue is a priority, a version and a pipeline.
    const queue = texts[at + 7]!
    const version = queue.indexOf("|") + 1
    const pipeline = queue.indexOf(":", version) + 1
    let next = at + HEAD
    if (size !== "=") {
      names = undefined
      let many = size
      if (size.startsWith("?")) {
        const first = next
        next += Number(size.slice(1))
        names = texts.slice(first, next)
        many = texts[next++]!
      }
      const [ofRun, ofUnit = "0"] = many.split("+") as [string, string?]
      const first = next
      next += 2 * (Number(ofRun) + Number(ofUnit))
      values = toMap(texts, first, next)
      own = ofUnit === "0" ? NO_NAMES : namesIn(texts, first + 2 * Number(ofRun), next)
    }
    const phase = texts[at + 5]!
    claims.push({
      runId,
      pipelineId: queue.slice(pipeline),
      version: queue.slice(version, pipeline - 1),
      step: texts[at + 8]!,
      index: Number(index),
      phase: PHASES[phase.toUpperCase() as Phase],
      item: place === undefined ? undefined : { index: Number(place), value: texts[at + 6]! },
      attempt: Number(texts[at + 2]),
      failures: Number(texts[at + 3]),
      elapsedMillis: Number(texts[at + 4]),
      isAlone: phase !== phase.toUpperCase(),
      token: texts[at + 1]!,
      values,
      own,
      ...(names && { names })
    })
    at = next
  }
  return claims
}

const NO_NAMES: ReadonlyArray<string> = []

const namesIn = (texts: ReadonlyArray<string>, from: number, to: number): ReadonlyArray<string> =>
  texts.slice(from, to).filter((_, at) => at % 2 === 0)

const toMap = (texts: ReadonlyArray<string>, from: number, to: number): ReadonlyMap<string, Json> => {
  const map = new Map<string, Json>()
  for (let at = from; at < to; at += 2) map.set(texts[at]!, texts[at + 1]!)
  return map
}

/** The unit of a claim, whoever made it. */
export const unitOf = ({ runId, index, item }: Claim): string =>
  item === undefined ? `${runId}:${index}` : `${runId}:${index}:${item.index}`

/** About how many bytes a settlement has besides its outputs: what is said of its claim. */
const ABOUT = 200

/** About how many bytes a settlement has. The units of an expansion are put aside, and count nothing. */
export const bytesOf = ({ outcome }: Settlement): number => {
  switch (outcome._tag) {
    case "Completed": {
      let bytes = ABOUT
      for (const name of Object.keys(outcome.outputs)) bytes += name.length + bytesOfText(outcome.outputs[name]!)
      for (const error of outcome.failed?.errors ?? []) bytes += bytesOfText(JSON.stringify(error))
      return bytes
    }
    case "Failed":
    case "Retried":
      return ABOUT + bytesOfText(JSON.stringify(outcome.error))
    case "Probed":
      return ABOUT + bytesOfText(outcome.memo?.text ?? "")
    case "Released":
      return ABOUT + bytesOfText(outcome.reason)
    case "Expanded":
      return ABOUT
  }
}

/** About how many bytes a note has. */
export const bytesOfNote = ({ line }: Note): number =>
  line === undefined ? ABOUT : ABOUT + bytesOfText(line.message) + bytesOfText(line.fields ?? "")

/** Adds a settlement whose outputs have been put aside. */
export const writeStaged = (
  args: Array<Argument>,
  { claim }: Settlement,
  { arm, outputs }: Extract<Outcome, { readonly _tag: "Completed" }>,
  name: string
): void => {
  const names = Object.keys(outputs)
  args.push(unitOf(claim), claim.token, "S", arm ?? "", name, names.length, ...names)
}

/** Adds a settlement to the arguments of a script. `staged` says where the items of an expansion have been put. */
export const writeSettlement = (
  args: Array<Argument>,
  { claim, outcome }: Settlement,
  staged: Staged | undefined
): void => {
  args.push(unitOf(claim), claim.token)
  switch (outcome._tag) {
    case "Completed": {
      if (outcome.failed === undefined) args.push("C", outcome.arm ?? "", 0)
      else {
        const { count, errors } = outcome.failed
        args.push("D", count, errors.length)
        for (const error of errors) args.push(error.item ?? 0, JSON.stringify(error))
        args.push(0)
      }
      const at = args.length - 1
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
      const ttlMillis = memo && Math.ceil(memo.ttlMillis)
      args.push("P", limits.length === 0 ? "" : JSON.stringify(limits), memo?.text ?? "", ttlMillis ?? "")
      return
    }
    case "Expanded": {
      const { units, items, bytes, name } = staged!
      args.push("X", outcome.count, outcome.size, outcome.units.length, units, items, bytes, name)
      return
    }
  }
}

/** Items that were put aside for a script: how many units and items of them are completed, with how many bytes of results. */
export interface Staged {
  readonly name: string
  readonly units: number
  readonly items: number
  readonly bytes: number
}

/** Adds a note to the arguments of a script. */
export const writeNote = (args: Array<Argument>, { claim, progress, line, dropped = 0 }: Note): void => {
  const { step, attempt } = claim
  args.push(unitOf(claim), claim.token, attempt)
  if (progress === undefined) args.push("", "")
  else args.push(progress.done, progress.total)
  args.push(line === undefined ? "" : JSON.stringify({ step, attempt, ...line }), dropped)
}
