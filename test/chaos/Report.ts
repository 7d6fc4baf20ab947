/** What came of a trial, in lines to be read. */
import type { Evidence } from "./Evidence.ts"
import type { Problems } from "./RunChecks.ts"

/** How many problems of one kind are printed. */
const MOST = 15

/** What was checked, and what was found. */
export type Findings = Readonly<Record<string, Problems>>

/** Counts by what. */
const counted = (names: Iterable<string>): string =>
  [...Map.groupBy(names, (name) => name)].map(([name, all]) => `${all.length} ${name}`).join(", ") || "none"

/** The report. */
export const report = (
  evidence: Evidence,
  refusals: ReadonlyMap<string, number>,
  repeats: number,
  takeovers: ReadonlyArray<number>,
  findings: Findings
): string => {
  const { wanted, runs, history, ledgers } = evidence
  const isAccepted = wanted.filter(({ ids }) => ids.size > 0).length
  const told = [...runs.values()]
  const ids = new Set(wanted.flatMap((asked) => [...asked.ids]))
  const unexpected = told.filter(({ run }) => run.schedule === undefined && !ids.has(run.id)).length
  const byPipeline = [...Map.groupBy(told, ({ run }) => run.pipelineId)].map(([id, all]) => `${all.length} ${id}`)
  const events = told.flatMap((one) => one.events)
  const lines = [
    `runs asked for: ${wanted.length}, accepted: ${isAccepted}, recorded though their answer was lost: ${unexpected}`,
    `of pipelines: ${byPipeline.join(", ")}`,
    `runs: ${counted(told.map(({ run }) => run.status.toLowerCase()))}`,
    `steps: ${counted(told.flatMap(({ run }) => run.steps.map(({ status }) => status.toLowerCase())))}`,
    `executions: ${ledgers.executions.length} (${counted(ledgers.executions.map(({ how }) => how ?? "cut off"))}), repeats: ${repeats}`,
    `events: ${events.length}, of which StepReleased: ${events.filter(({ type }) => type === "StepReleased").length}`,
    `acts: ${counted(history.acts.map(({ kind }) => kind))}`,
    `not asked for: ${ledgers.stalls.length} stalls of processes, ${history.slowness.length} of Redis`,
    `takeovers measured: ${takeovers.length}, slowest: ${takeovers.length === 0 ? "-" : `${Math.max(...takeovers)} ms`}`,
    "refusals:",
    ...[...refusals].sort(([, one], [, other]) => other - one).map(([why, count]) => `  ${count} × ${why}`)
  ]
  for (const [what, problems] of Object.entries(findings)) {
    lines.push(
      `${problems.length === 0 ? "holds " : "BROKEN"} ${what}${problems.length > 0 ? `: ${problems.length}` : ""}`
    )
    for (const problem of problems.slice(0, MOST)) lines.push(`         ${problem.slice(0, 2_000)}`)
  }
  return lines.join("\n")
}
