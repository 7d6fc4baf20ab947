/**
 * The reference: what a run of a script has to come to, by plain recursion over its parts, without events, counters,
 * leases or time.
 */
import { keeps, spell } from "./Making.ts"
import type { Behaviour, Part, Script } from "./Script.ts"

/** What becomes of a step. `cause` says why it was skipped. */
export interface Fate {
  readonly status: "COMPLETED" | "FAILED" | "SKIPPED"
  readonly cause?: "branch" | "failure"
  readonly attempts: number
  /** What it gave. */
  readonly value?: string | ReadonlyArray<string>
}

/** What becomes of a run. */
export interface Expected {
  readonly status: "COMPLETED" | "FAILED"
  readonly steps: ReadonlyMap<string, Fate>
}

interface Context {
  readonly prefix: string
  /** The branch that decides, and the arm that this is. */
  readonly arm: { readonly branch: string; readonly name: "yes" | "no" } | undefined
}

/** Interprets a script. With `healed`, nothing fails. */
export const interpret = ({ parts, policy }: Script, healed: boolean): Expected => {
  const fates = new Map<string, Fate>()
  const values = new Map<string, string | ReadonlyArray<string>>()
  /** The steps that give a value. */
  const givers = new Map<string, Array<string>>()
  const takes = new Map<string, "yes" | "no">()
  const vital = new Map<string, string>()
  const taken = new Set<string>()

  const isFailure = ({ status, cause }: Fate): boolean => status === "FAILED" || cause === "failure"

  /** Why a step can't run, or nothing. */
  const obstacle = (needs: ReadonlyArray<{ readonly value: string; readonly optional: boolean }>, { arm }: Context) => {
    if (arm !== undefined) {
      const branch = fates.get(arm.branch)!
      if (branch.status !== "COMPLETED") return isFailure(branch) ? "failure" : "branch"
      if (takes.get(arm.branch) !== arm.name) return "branch"
    }
    for (const { value, optional } of needs) {
      const from = (givers.get(value) ?? []).map((giver) => fates.get(giver)!)
      const failed = from.some(isFailure)
      if (failed && policy !== "skip") return "failure"
      const isThere = from.some(({ status }) => status === "COMPLETED")
      if (!optional && !isThere) return failed ? "failure" : "branch"
    }
    return undefined
  }

  const attempted = ({ failures, retries, fatal }: Behaviour, happens: boolean): Pick<Fate, "status" | "attempts"> => {
    if (healed || !happens || failures === 0) return { status: "COMPLETED", attempts: 1 }
    if (fatal) return { status: "FAILED", attempts: 1 }
    return failures <= retries
      ? { status: "COMPLETED", attempts: failures + 1 }
      : { status: "FAILED", attempts: retries + 1 }
  }

  const interpretPart = (part: Part, context: Context): void => {
    const step = context.prefix + part.name
    const list = "list" in part ? [{ value: part.list, optional: false }] : []
    for (const { value } of [...part.needs, ...list]) taken.add(value)
    const blocked = obstacle([...part.needs, ...list], context)
    const text = (value: string): string | undefined => values.get(value) as string | undefined
    const give = (value: string, fate: Fate): void => {
      fates.set(step, fate)
      givers.set(value, [...(givers.get(value) ?? []), step])
      if (fate.value !== undefined) values.set(value, fate.value)
    }
    const skipped = blocked && ({ status: "SKIPPED", cause: blocked, attempts: 0 } as const)
    switch (part.kind) {
      case "branch": {
        fates.set(step, skipped ?? attempted(part.behaviour, true))
        takes.set(step, part.takes)
        for (const name of ["yes", "no"] as const) {
          const inside: Context = { prefix: `${step}.${name}.`, arm: { branch: step, name } }
          for (const each of part[name]) interpretPart(each, inside)
        }
        return
      }
      case "task": {
        if (part.behaviour.gives) vital.set(step, part.value)
        const fate = skipped ?? attempted(part.behaviour, true)
        const gives = fate.status === "COMPLETED" && part.behaviour.gives
        give(part.value, gives ? { ...fate, value: spell(part.name, part.needs, text) } : fate)
        return
      }
      case "list": {
        vital.set(step, part.name)
        const fate = skipped ?? attempted(part.behaviour, true)
        const value = Array.from({ length: part.length }, (_, at) => `${part.name}${"x".repeat(at)}`)
        give(part.name, fate.status === "COMPLETED" ? { ...fate, value } : fate)
        return
      }
      default:
        vital.set(step, part.name)
        give(part.name, skipped ?? goneThrough(part, text))
    }
  }

  /** What becomes of a step that goes through a list, when nothing keeps it from that. */
  const goneThrough = (
    part: Extract<Part, { readonly list: string }>,
    text: (value: string) => string | undefined
  ): Fate => {
    const items = values.get(part.list) as ReadonlyArray<string>
    const happens = part.item < items.length
    // Its list is read once; the attempts are its items'.
    const fate: Fate = { ...attempted(part.behaviour, happens), attempts: 1 }
    if (fate.status !== "COMPLETED") return fate
    const seen = items.map((item) => `${item}|${spell(part.name, part.needs, text)}`)
    const value = part.kind === "map" ? seen : part.kind === "filter" ? items.filter(keeps) : ["0", ...seen].join(";")
    return { ...fate, value }
  }
  for (const part of parts) interpretPart(part, { prefix: "", arm: undefined })

  const hasFailed = [...fates.values()].some(({ status }) => status === "FAILED")
  const isLacking = [...vital].some(([step, value]) => !taken.has(value) && isFailure(fates.get(step)!))
  return { status: hasFailed && (policy !== "skip" || isLacking) ? "FAILED" : "COMPLETED", steps: fates }
}
