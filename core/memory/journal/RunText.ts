/** A submitted run as the text of a journal. */

import type { Json } from "../../json/Value.ts"
import type { Plan } from "../../pipeline/Plan.ts"
import type { KeptItems } from "../../run/KeptItems.ts"
import type { Submission } from "../../run/Run.ts"
import type { Limit } from "../../values/Limit.ts"
import { complete, type FindValue, shorten, type Values } from "./EventText.ts"
import type { HeadRow, StoredRun, ValueRow } from "./Journal.ts"

/** The sequences under which long values of a submission are kept. */
const PARAMETERS = 0
const GIVEN = -1
const KEPT = -2

/** What a Store needs to make the run again. */
export interface Head {
  readonly submission: Submission
  readonly plan: Plan
  readonly limits: ReadonlyArray<Limit>
  readonly keptItems: Readonly<Record<string, KeptItems>> | undefined
}

interface Written extends Omit<Submission, "parameters" | "given" | "kept" | "results"> {
  readonly parameters: Values
  readonly given?: Values
  readonly keptValues?: Values
  readonly limits?: ReadonlyArray<Limit>
  readonly keptItems?: Readonly<Record<string, KeptItems>> | undefined
}

/** The head of a new run. Adds the rows of long values to `rows`. */
export const write = ({ submission, plan, limits, keptItems }: Head, rows: Array<ValueRow>): HeadRow => {
  const { parameters, given, kept, results: _, ...rest } = submission
  const written: Written = {
    ...rest,
    parameters: shorten(parameters, PARAMETERS, rows),
    ...(hasKeys(given) && { given: shorten(given, GIVEN, rows) }),
    ...(hasKeys(kept) && { keptValues: shorten(kept, KEPT, rows) }),
    ...(limits.length > 0 && { limits }),
    ...(keptItems !== undefined && { keptItems })
  }
  const { id, pipelineId, submittedAtMillis } = submission
  return {
    id,
    pipelineId,
    submittedAtMillis,
    text: JSON.stringify(written),
    plan: planText(plan),
    isPlanShared: !isPart(submission)
  }
}

/** Reads the head of a run. */
export const read = ({ text, plan: planJson }: Pick<StoredRun, "text" | "plan">, find: FindValue): Head => {
  const { limits = [], keptItems, keptValues = {}, given = {}, parameters, ...rest } = JSON.parse(text) as Written
  const plan = planOf(planJson)
  const submission: Submission = {
    ...rest,
    parameters: complete(parameters, PARAMETERS, find),
    given: complete(given, GIVEN, find),
    kept: complete(keptValues, KEPT, find),
    results: plan.results
  }
  return { submission, plan, limits, keptItems }
}

/** Finds long values among rows. */
export const findIn = (rows: ReadonlyArray<ValueRow>): FindValue => {
  const byKey = new Map<string, Json>(rows.map(({ sequence, name, json }) => [`${sequence} ${name}`, json]))
  return (sequence, name) => byKey.get(`${sequence} ${name}`)!
}

/** A partial run has its own plan; other runs share the plan of their pipeline. */
export const isPart = ({ targets, retryOf, given }: Submission): boolean =>
  targets !== undefined || retryOf !== undefined || hasKeys(given)

const hasKeys = (record: object): boolean => {
  for (const _ in record) return true
  return false
}

// Most runs of a process have one of few plans.
const texts: WeakMap<Plan, string> = new WeakMap()
const plans: Map<string, WeakRef<Plan>> = new Map()
const MAX_PLANS = 1_000

const planText = (plan: Plan): string => {
  let text = texts.get(plan)
  if (text === undefined) {
    text = JSON.stringify(plan)
    texts.set(plan, text)
  }
  return text
}

const planOf = (text: string): Plan => {
  let plan = plans.get(text)?.deref()
  if (plan === undefined) {
    plan = JSON.parse(text) as Plan
    texts.set(plan, text)
    if (plans.size >= MAX_PLANS) plans.clear()
    plans.set(text, new WeakRef(plan))
  }
  return plan
}
