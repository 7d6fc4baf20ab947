/** The plans of the runs in random histories: of every kind of step, with limits, probes and optional inputs. */
import * as Schema from "effect/Schema"
import type { Plan, PlanStep } from "../../core/pipeline/Plan.ts"
import * as StepBuilders from "../../core/pipeline/StepBuilders.ts"
import * as Task from "../../core/task/Task.ts"
import { planWith } from "../conformance/store/harness/ItemDriver.ts"
import { chain, diamond, limited, planFrom, planOf } from "../conformance/store/harness/StoreDriver.ts"

const U = Schema.Unknown

const task = (name: string, needs: Readonly<Record<string, Schema.Top>>, output = name) =>
  Task.make(name, { input: needs as never, output: { [output]: U }, run: () => ({}) as never })

const branched = planFrom(
  task("a", {}),
  StepBuilders.branch(
    Task.make("says", { input: { a: U }, output: { chosen: Schema.Boolean }, run: () => ({ chosen: true }) }),
    { yes: [task("b", {}, "x") as never], no: [task("c", {}, "x") as never] }
  ),
  task("d", { x: U })
)

const optional = planFrom(task("a", {}), task("b", { a: Schema.optionalKey(U) }), task("c", { b: U }))

const each = (plan: Plan, more: Partial<PlanStep>): Plan => ({
  ...plan,
  steps: plan.steps.map((step) => ({ ...step, ...more }))
})

/** Those with limits are the last. */
export const PLANS: ReadonlyArray<Plan> = [
  planOf({ a: [] }),
  chain,
  diamond,
  optional,
  branched,
  planWith({}),
  planWith({ onFailure: "collect", tolerated: { count: 1 } }),
  planWith({ onFailure: "skip" }),
  planWith({ inOrder: true, max: 1 }),
  planWith({ max: 2 }),
  each(diamond, { probed: true }),
  each(planWith({ onFailure: "skip" }), { probed: true }),
  limited(diamond, { key: "shared", max: 1 }),
  limited(planWith({}), { key: "shared", max: 1 })
]

/** How many of them have no limits. */
export const UNLIMITED: number = PLANS.length - 2
