/** Schedules that every server has, whatever its clock and its version, and what their ticks have to be. */
import { Levada, type Run } from "../../adapters/promise/index.ts"
import { casesOf, type Version } from "./Cases.ts"
import type { Evidence } from "./Evidence.ts"

const EVERY_MILLIS = 2_000

/** One whose pipeline all servers have alike, and one whose pipeline has two versions. No tick may be left out. */
export const schedulesOf = (version: Version) => {
  const pipelineOf = (id: string) => casesOf(version).find(({ pipeline }) => pipeline.id === id)!.pipeline
  const policy = { parameters: { seed: 0 }, catchUp: "all", overlap: "allow" } as const
  return [
    Levada.schedule(pipelineOf("chain"), { id: "by cron", timing: { cron: "*/2 * * * * *" }, ...policy }),
    Levada.schedule(pipelineOf("mixed"), { id: "by interval", timing: { everyMillis: EVERY_MILLIS }, ...policy })
  ]
}

/** Each tick gave one run, not before its instant. */
export const ticks = ({ runs }: Evidence): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const fired = [...runs.values()].flatMap(({ run }) => (run.schedule === undefined ? [] : [run]))
  for (const [id, ofSchedule] of Map.groupBy(fired, ({ schedule }) => schedule!.id)) {
    const sorted = ofSchedule.sort((one, other) => tickOf(one) - tickOf(other))
    for (const [at, run] of sorted.entries()) {
      const what = `schedule '${id}', tick ${tickOf(run)}`
      if (run.submittedAtMillis < tickOf(run)) problems.push(`${what}: its run is from ${run.submittedAtMillis}`)
      const gap = at === 0 ? EVERY_MILLIS : tickOf(run) - tickOf(sorted[at - 1]!)
      if (gap !== EVERY_MILLIS) problems.push(`${what}: it is ${gap} ms after the one before`)
    }
  }
  return problems
}

const tickOf = ({ schedule }: Run.Run): number => schedule!.tickMillis
