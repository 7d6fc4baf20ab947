/**
 * Random pipelines for the model test: a script says what a pipeline consists of and how every task behaves. Real
 * pipelines are made from it, and the reference interpreter reads it; neither knows the other.
 */
import * as fc from "fast-check"
import type { Tolerance } from "../../core/values/Policy.ts"

/** How a task behaves: fails so often before it succeeds, or for good, and leaves its optional output out. */
export interface Behaviour {
  readonly failures: number
  readonly retries: number
  /** Whether its failures are of the kind that no retry mends. */
  readonly fatal: boolean
  /** Whether it gives nothing; its output is optional then. */
  readonly gives: boolean
  /** How it returns: at once, as a Promise, or as an Effect. */
  readonly how: "value" | "promise" | "effect"
  /** Whether it has to hold a limit, by one key for all that have it, or by one that its inputs say. */
  readonly limit: "none" | "shared" | "probed"
}

/** One input: the value's name, and whether the task can do without. */
export interface Need {
  readonly value: string
  readonly optional: boolean
}

/** A part of a pipeline. Values are named after the part that gives them. */
export type Part =
  | {
      readonly kind: "task"
      readonly name: string
      /** What it gives is called. */
      readonly value: string
      /** What else it gives is called, if anything. */
      readonly also: string | undefined
      readonly needs: ReadonlyArray<Need>
      readonly behaviour: Behaviour
    }
  | {
      readonly kind: "list"
      readonly name: string
      readonly needs: ReadonlyArray<Need>
      readonly length: number
      readonly behaviour: Behaviour
    }
  | {
      readonly kind: "map" | "filter" | "reduce"
      readonly name: string
      /** The list that it goes through. */
      readonly list: string
      readonly needs: ReadonlyArray<Need>
      readonly chunk: number | undefined
      readonly concurrency: number | undefined
      /** The indices of the items that fail so often. */
      readonly bad: ReadonlyArray<number>
      /** What becomes of the step when some of them fail for good, and how many may. */
      readonly rule: "fail" | "skip" | "collect"
      readonly tolerated: Tolerance | undefined
      readonly behaviour: Behaviour
    }
  | {
      readonly kind: "branch"
      readonly name: string
      readonly needs: ReadonlyArray<Need>
      readonly takes: "yes" | "no"
      readonly behaviour: Behaviour
      readonly yes: ReadonlyArray<Part>
      readonly no: ReadonlyArray<Part>
    }

/** A pipeline and the order in which its parts are registered. */
export interface Script {
  readonly parts: ReadonlyArray<Part>
  readonly order: ReadonlyArray<number>
  readonly policy: "fail-fast" | "continue" | "skip"
  /** The values that a run is given, and the steps that it is about; all when undefined. */
  readonly given: ReadonlyArray<string>
  readonly targets: ReadonlyArray<string> | undefined
}

/** Something that may be named as an input: whether it is a list, and whether it may be missing. */
interface Known {
  readonly value: string
  readonly isList: boolean
  readonly optional: boolean
}

// A small generator of random numbers that fast-check shrinks through its seed; recursion over what is known so far
// is easier to read like this than as a chain of arbitraries.
class Dice {
  readonly #numbers: ReadonlyArray<number>
  #at = 0
  constructor(numbers: ReadonlyArray<number>) {
    this.#numbers = numbers
  }
  /** From 0 to `sides - 1`; smaller numbers make simpler pipelines. */
  roll(sides: number): number {
    const number = this.#numbers[this.#at++ % this.#numbers.length]!
    return Math.floor((number / 1_000) * sides)
  }
  chance(percent: number): boolean {
    return this.roll(100) >= 100 - percent
  }
}

const HOW = ["value", "promise", "effect"] as const
const LIMITS = ["none", "none", "none", "none", "none", "none", "shared", "probed"] as const

const RULES = ["fail", "skip", "skip", "collect"] as const

const behaviourOf = (dice: Dice, mayLack: boolean): Behaviour => ({
  failures: dice.chance(35) ? 1 + dice.roll(3) : 0,
  retries: dice.roll(3),
  fatal: dice.chance(10),
  gives: !(mayLack && dice.chance(15)),
  how: HOW[dice.roll(3)]!,
  limit: LIMITS[dice.roll(8)]!
})

const plain = { kind: "task", also: undefined } as const

const given = (dice: Dice): Behaviour => behaviourOf(dice, false)

const needsOf = (dice: Dice, known: ReadonlyArray<Known>): ReadonlyArray<Need> => {
  const needs = new Map<string, Need>()
  for (let left = dice.roll(4); left > 0 && known.length > 0; left--) {
    const { value, optional, isList } = known[dice.roll(known.length)]!
    if (!isList) needs.set(value, { value, optional: optional || dice.chance(30) })
  }
  return [...needs.values()]
}

const partsOf = (
  dice: Dice,
  count: number,
  prefix: string,
  outside: ReadonlyArray<Known>,
  depth: number
): { readonly parts: ReadonlyArray<Part>; readonly gives: ReadonlyArray<Known> } => {
  const known: Array<Known> = [...outside]
  const parts: Array<Part> = []
  const own: Array<Known> = []
  const add = (part: Part, ...gives: ReadonlyArray<Known>): void => {
    parts.push(part)
    known.push(...gives)
    own.push(...gives)
  }
  for (let at = 0; at < count; at++) {
    const name = `${prefix}${at}`
    const needs = needsOf(dice, known)
    const lists = known.filter(({ isList, optional }) => isList && !optional)
    const kind = dice.roll(10)
    if (kind === 9 && depth > 0) {
      const yes = partsOf(dice, 1 + dice.roll(3), `${name}y`, known, depth - 1)
      const no = partsOf(dice, dice.roll(3), `${name}n`, known, depth - 1)
      const both = no.parts.length > 0 && dice.chance(60)
      const takes = dice.chance(50) ? ("yes" as const) : ("no" as const)
      const value = `${name}both`
      // What both arms give under one name is there either way.
      const ends = (arm: string, inside: ReadonlyArray<Known>): ReadonlyArray<Part> =>
        both
          ? [{ ...plain, name: `${name}${arm}both`, value, needs: needsOf(dice, inside), behaviour: given(dice) }]
          : []
      const arms = { yes: [...yes.parts, ...ends("y", yes.gives)], no: [...no.parts, ...ends("n", no.gives)] }
      add({ kind: "branch", name, needs, takes, behaviour: given(dice), ...arms })
      if (both) known.push({ value, isList: false, optional: false })
      continue
    }
    if (kind >= 7 && lists.length > 0) {
      const list = lists[dice.roll(lists.length)]!.value
      const which = (["map", "filter", "reduce"] as const)[dice.roll(3)]!
      const chunk = dice.chance(50) ? 1 + dice.roll(3) : undefined
      const concurrency = dice.chance(30) ? 1 + dice.roll(2) : undefined
      const behaviour = given(dice)
      const bad = [0, 1, 2, 3, 4].filter(() => dice.chance(35))
      const isList = which !== "reduce"
      const rule = isList ? RULES[dice.roll(4)]! : "fail"
      const tolerances = [undefined, dice.roll(3), `${dice.roll(101)}%`] as const
      const tolerated = rule === "fail" ? undefined : tolerances[dice.roll(3)]
      add(
        { kind: which, name, list, needs, chunk, concurrency, bad, rule, tolerated, behaviour },
        { value: name, isList, optional: false }
      )
      continue
    }
    if (kind === 6) {
      const behaviour = given(dice)
      add(
        { kind: "list", name, needs, length: dice.roll(5), behaviour },
        { value: name, isList: true, optional: false }
      )
      continue
    }
    const behaviour = behaviourOf(dice, true)
    const optional = !behaviour.gives
    const also = dice.chance(25) ? `${name}also` : undefined
    const gives = [name, ...(also === undefined ? [] : [also])]
    add(
      { kind: "task", name, value: name, also, needs, behaviour },
      ...gives.map((value) => ({ value, isList: false, optional }))
    )
  }
  return { parts, gives: own }
}

/** The texts that parts give to whom they are beside. */
const textsOf = (parts: ReadonlyArray<Part>): ReadonlyArray<string> =>
  parts.flatMap((part) => {
    if (part.kind === "task") return part.also === undefined ? [part.value] : [part.value, part.also]
    if (part.kind === "reduce") return [part.name]
    const last = part.kind === "branch" ? part.yes.at(-1) : undefined
    return last?.kind === "task" && last.value === `${part.name}both` ? [last.value] : []
  })

/** The names of all steps, as the pipeline has them. */
const stepsOf = (parts: ReadonlyArray<Part>, prefix = ""): ReadonlyArray<string> =>
  parts.flatMap((part) => [
    prefix + part.name,
    ...(part.kind === "branch"
      ? (["yes", "no"] as const).flatMap((arm) => stepsOf(part[arm], `${prefix}${part.name}.${arm}.`))
      : [])
  ])

/** An order in which a pipeline's parts may be registered. */
export const orderOf = ({ parts }: Pick<Script, "parts">): fc.Arbitrary<ReadonlyArray<number>> =>
  fc.shuffledSubarray([...parts.keys()], { minLength: parts.length, maxLength: parts.length })

/** Any script. What comes later in `parts` may need what comes earlier; they are registered in any order. */
export const script: fc.Arbitrary<Script> = fc
  .record({
    numbers: fc.array(fc.nat(999), { minLength: 20, maxLength: 120 }),
    policy: fc.constantFrom("fail-fast" as const, "continue" as const, "skip" as const),
    isGiven: fc.integer({ min: 0, max: 3 }).map((one) => one === 3),
    isTargeted: fc.integer({ min: 0, max: 3 }).map((one) => one === 3)
  })
  .chain(({ numbers, policy, isGiven, isTargeted }) => {
    const dice = new Dice(numbers)
    const { parts } = partsOf(dice, 1 + dice.roll(7), "s", [], 2)
    return fc.record({
      parts: fc.constant(parts),
      order: orderOf({ parts }),
      policy: fc.constant(policy),
      given: isGiven ? fc.subarray([...textsOf(parts)]) : fc.constant([]),
      targets: isTargeted ? fc.subarray([...stepsOf(parts)], { minLength: 1 }) : fc.constant(undefined)
    })
  })
