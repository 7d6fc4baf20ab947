/**
 * The reference: the expected result of a script, by plain recursion over its parts, without events, counters, leases
 * or time.
 */
import { armOf, givenOf, keeps, secondOutput, spell } from "./ModelPipelines.ts"
import type { Behaviour, Part, Script } from "./Script.ts"

/** The expected state of a step. `cause` says why it was skipped. */
export interface Fate {
  readonly status: "COMPLETED" | "FAILED" | "SKIPPED"
  readonly cause?: "branch" | "failure"
  readonly attempts: number
  /** How many of its items failed. */
  readonly itemsFailed?: number
  /** Its output. */
  readonly value?: string | ReadonlyArray<string>
}

/** The expected result of a run. */
export interface Expected {
  readonly status: "COMPLETED" | "FAILED"
  readonly steps: ReadonlyMap<string, Fate>
}

interface Context {
  readonly prefix: string
  /** The deciding branch, and which of its arms this is. */
  readonly arm: { readonly branch: string; readonly name: "yes" | "no" } | undefined
}

/** Interprets a script. With `healed`, nothing fails. */
export const interpret = (script: Script, healed: boolean): Expected => {
  const { parts, policy, targets } = script
  const given = new Set(script.given)
  const needed = neededBy(script)
  const fates = new Map<string, Fate>()
  const values = new Map<string, string | ReadonlyArray<string>>()
  /** The steps that produce a value. */
  const givers = new Map<string, Array<string>>()
  const takes = new Map<string, "yes" | "no">()
  /** Outputs that the result of a run requires, because no step takes them. */
  const vital: Array<{ readonly step: string; readonly value: string }> = []
  const taken = new Set<string>()

  const isFailure = ({ status, cause }: Fate): boolean => status === "FAILED" || cause === "failure"

  /** Why a step can't run, or undefined. */
  const obstacle = (needs: ReadonlyArray<{ readonly value: string; readonly optional: boolean }>, { arm }: Context) => {
    if (arm !== undefined) {
      const branch = fates.get(arm.branch)!
      if (branch.status !== "COMPLETED") return isFailure(branch) ? "failure" : "branch"
      if (takes.get(arm.branch) !== arm.name) return "branch"
    }
    for (const { value, optional } of needs) {
      if (given.has(value)) continue
      const from = (givers.get(value) ?? []).map((giver) => fates.get(giver)!)
      const failed = from.some(isFailure)
      if (failed && policy !== "skip") return "failure"
      const isThere = from.some(({ status }) => status === "COMPLETED")
      if (!optional && !isThere) return failed ? "failure" : "branch"
    }
    return undefined
  }

  const attempted = ({ failures, retries, fatal }: Behaviour): Pick<Fate, "status" | "attempts"> => {
    if (healed || failures === 0) return { status: "COMPLETED", attempts: 1 }
    if (fatal) return { status: "FAILED", attempts: 1 }
    return failures <= retries
      ? { status: "COMPLETED", attempts: failures + 1 }
      : { status: "FAILED", attempts: retries + 1 }
  }

  const interpretPart = (part: Part, context: Context): void => {
    const step = context.prefix + part.name
    const list = "list" in part ? [{ value: part.list, optional: false }] : []
    for (const { value } of [...part.needs, ...list]) taken.add(value)
    const text = (value: string): string | undefined =>
      given.has(value) ? givenOf(value) : (values.get(value) as string | undefined)
    const give = (value: string, fate: Fate, gives = fate.value): void => {
      fates.set(step, fate)
      givers.set(value, [...(givers.get(value) ?? []), step])
      if (gives !== undefined) values.set(value, gives)
    }
    // An unneeded step is skipped, and that skips no other step.
    const blocked = needed.has(step) ? obstacle([...part.needs, ...list], context) : undefined
    const skipped = needed.has(step)
      ? blocked && ({ status: "SKIPPED", cause: blocked, attempts: 0 } as const)
      : ({ status: "SKIPPED", attempts: 0 } as const)
    switch (part.kind) {
      case "branch": {
        fates.set(step, skipped ?? attempted(part.behaviour))
        takes.set(step, armOf(part, text))
        for (const name of ["yes", "no"] as const) {
          const inside: Context = { prefix: `${step}.${name}.`, arm: { branch: step, name } }
          for (const each of part[name]) interpretPart(each, inside)
        }
        return
      }
      case "task": {
        const { value, also, behaviour } = part
        const both = also === undefined ? [value] : [value, also]
        if (behaviour.gives) vital.push(...both.map((value) => ({ step, value })))
        const fate = skipped ?? attempted(behaviour)
        const gives = fate.status === "COMPLETED" && behaviour.gives ? spell(part.name, part.needs, text) : undefined
        const whole = gives === undefined ? fate : { ...fate, value: gives }
        give(value, whole)
        if (also !== undefined) give(also, whole, gives && secondOutput(gives))
        return
      }
      case "list": {
        vital.push({ step, value: part.name })
        const fate = skipped ?? attempted(part.behaviour)
        const value = Array.from({ length: part.length }, (_, at) => `${part.name}${"x".repeat(at)}`)
        give(part.name, fate.status === "COMPLETED" ? { ...fate, value } : fate)
        return
      }
      default:
        vital.push({ step, value: part.name })
        give(part.name, skipped ?? goneThrough(part, text))
    }
  }

  /** The expected state of a step with items, if nothing prevents it from running. */
  const goneThrough = (part: Going, text: (value: string) => string | undefined): Fate => {
    const items = values.get(part.list) as ReadonlyArray<string>
    const failed = healed ? new Set<number>() : failedItems(part, items.length)
    const itemsFailed = failed.size
    // Its list is read once; the attempts are its items'.
    if (itemsFailed > mostFailed(part, items.length)) return { status: "FAILED", attempts: 1, itemsFailed }
    const good = items.filter((_, at) => !failed.has(at))
    const seen = good.map((item) => `${item}|${spell(part.name, part.needs, text)}`)
    const value = part.kind === "map" ? seen : part.kind === "filter" ? good.filter(keeps) : ["0", ...seen].join(";")
    return { status: "COMPLETED", attempts: 1, itemsFailed, value }
  }
  for (const part of parts) interpretPart(part, { prefix: "", arm: undefined })

  const hasFailed = [...fates.values()].some(({ status }) => status === "FAILED")
  const isLacking =
    targets?.some((step) => isFailure(fates.get(step)!)) ??
    vital.some(({ step, value }) => !taken.has(value) && isFailure(fates.get(step)!))
  return { status: hasFailed && (policy !== "skip" || isLacking) ? "FAILED" : "COMPLETED", steps: fates }
}

type Going = Extract<Part, { readonly list: string }>

/** The items that fail for good, unit by unit. The items of a unit share its attempts. */
const failedItems = ({ bad, chunk = 1, rule, behaviour }: Going, count: number): ReadonlySet<number> => {
  const { failures, retries, fatal } = behaviour
  const all = new Set<number>()
  for (let from = 0; from < count; from += chunk) {
    const left = new Map(bad.map((item) => [item, failures]))
    const attempt = (retried: number): ReadonlyArray<number> => {
      const failed: Array<number> = []
      for (let item = from; item < Math.min(from + chunk, count); item++) {
        const often = left.get(item) ?? 0
        if (often === 0) continue
        left.set(item, often - 1)
        if (!fatal && retried < retries) return attempt(retried + 1)
        failed.push(item)
        if (rule === "fail") break
      }
      return failed
    }
    for (const item of attempt(0)) all.add(item)
  }
  return all
}

/** How many items may fail. */
const mostFailed = ({ rule, tolerated }: Going, count: number): number => {
  if (rule === "fail" || (rule === "collect" && tolerated === undefined)) return 0
  if (tolerated === undefined) return count
  return typeof tolerated === "number" ? tolerated : Math.floor((count * Number(tolerated.replace("%", ""))) / 100)
}

/** A part in its context: its name in the pipeline, and the branch that decides about it. */
export interface PlacedPart {
  readonly part: Part
  readonly step: string
  readonly branch: string | undefined
}

/** All parts of a script, those in arms after their branch. */
export const placedParts = (parts: ReadonlyArray<Part>, prefix = "", branch?: string): ReadonlyArray<PlacedPart> =>
  parts.flatMap((part) => {
    const step = prefix + part.name
    const arms = part.kind === "branch" ? (["yes", "no"] as const) : []
    return [
      { part, step, branch },
      ...arms.flatMap((arm) => placedParts((part as never)[arm], `${step}.${arm}.`, step))
    ]
  })

/** The values that a part takes. */
export const takenBy = (part: Part): ReadonlyArray<string> => [
  ...part.needs.map(({ value }) => value),
  ...("list" in part ? [part.list] : [])
]

/** The values that a part produces. */
export const givenBy = (part: Part): ReadonlyArray<string> => {
  if (part.kind === "branch") return []
  if (part.kind !== "task") return [part.name]
  return part.also === undefined ? [part.value] : [part.value, part.also]
}

/** The steps that a run needs: its targets, and all their dependencies that were not given. */
export const neededBy = ({ parts, given, targets }: Script): ReadonlySet<string> => {
  const all = placedParts(parts)
  const everything = new Set(all.flatMap(({ part }) => takenBy(part)))
  const needed = new Set<string>()
  const need = ({ part, step, branch }: PlacedPart): void => {
    if (needed.has(step)) return
    needed.add(step)
    const wanted = takenBy(part).filter((value) => !given.includes(value))
    for (const other of all) {
      if (other.step === branch || givenBy(other.part).some((value) => wanted.includes(value))) need(other)
    }
  }
  for (const each of all) {
    const isResult = givenBy(each.part).some((value) => !everything.has(value) && !given.includes(value))
    if (targets?.includes(each.step) ?? isResult) need(each)
  }
  return needed
}
