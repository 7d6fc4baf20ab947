/** What the ledgers have to agree with: what was executed, how often, and at the same time as what. */
import { caseOf } from "./Cases.ts"
import { type Evidence, unitOf } from "./Evidence.ts"
import type { Execution } from "./Ledger.ts"
import { mostAtOnce, type Problems } from "./RunChecks.ts"
import { LEASE_MILLIS } from "./Setting.ts"

/** Whatever completed was executed, but for what was taken from an earlier execution. */
export const nothingInvented = ({ runs, byUnit }: Evidence): Problems =>
  [...runs.values()].flatMap(({ run, events }) =>
    events.flatMap((event) => {
      if (event.type !== "StepCompleted" || event.memoised === true) return []
      if (caseOf(run.pipelineId, run.version).unrecorded?.includes(event.step) === true) return []
      const listed = Object.values(event.outputs)[0]
      // A step that goes through items gives a list, and is executed for each of them; so is a fold.
      const isList = byUnit.has(unitOf({ run: run.id, step: event.step, item: 0 }))
      const executed = (item: number | undefined): boolean =>
        byUnit.get(unitOf({ run: run.id, step: event.step, item }))?.some(({ how }) => how === "ok") ?? false
      if (!isList) {
        if (executed(undefined) || (event.memoisedItems ?? 0) > 0) return []
        return [`run ${run.id}: step '${event.step}' is completed and was never executed`]
      }
      const list: unknown = listed === undefined ? [] : JSON.parse(listed)
      const lacking = (Array.isArray(list) ? list : []).flatMap((_, item) => (executed(item) ? [] : [item]))
      return lacking.length <= (event.memoisedItems ?? 0)
        ? []
        : [`run ${run.id}: items ${lacking.join(", ")} of step '${event.step}' were never executed`]
    })
  )

/** No attempt is made twice, and nothing is done again unless what was done before may have been lost. */
export const repeats = (evidence: Evidence): { readonly problems: Problems; readonly count: number } => {
  const problems: Array<string> = []
  let count = 0
  for (const [unit, executions] of evidence.byUnit) {
    const attempts = Map.groupBy(executions, ({ attempt }) => attempt)
    for (const [attempt, same] of attempts) {
      if (same.length > 1) problems.push(`${unit}: attempt ${attempt} was executed ${same.length} times: ${when(same)}`)
    }
    const done = executions.filter(({ how }) => how === "ok").sort((one, other) => one.attempt - other.attempt)
    count += Math.max(done.length - 1, 0)
    for (const lost of done.slice(0, -1)) {
      if (!evidence.isExplained(lost)) problems.push(`${unit} was done again without a reason: ${when(executions)}`)
    }
  }
  return { problems, count }
}

/** Whoever began something has ended it, unless killed; nobody is told to stop for nothing. */
export const ends = (evidence: Evidence): Problems =>
  evidence.ledgers.executions.flatMap((execution) => {
    const { how, pid } = execution
    if (how === undefined) {
      const isKilled = evidence.history.acts.some((act) => act.kind === "kill worker" && act.pid === pid)
      return isKilled ? [] : [`${unitOf(execution)} never ended: ${when([execution])}`]
    }
    if (how !== "stopped" || evidence.isExplained(execution)) return []
    const { run } = evidence.runs.get(execution.run) ?? {}
    const step = run?.steps.find(({ name }) => name === execution.step)
    const isMeant = run?.status === "CANCELLED" || run?.status === "FAILED" || step?.status === "CANCELLED"
    return isMeant ? [] : [`${unitOf(execution)} was stopped without a reason: ${when([execution])}`]
  })

/** No limit is exceeded by executions that nobody has interfered with. */
export const limits = (evidence: Evidence): Problems => {
  const held = evidence.ledgers.executions.flatMap((execution) =>
    execution.held.map((limit) => ({ ...limit, execution }))
  )
  const problems: Array<string> = []
  for (const [key, holders] of Map.groupBy(held, (holder) => holder.key)) {
    const { max } = holders[0]!
    const undisturbed = holders.filter(({ execution }) => !evidence.isExplained(execution))
    const instants = undisturbed.flatMap(({ execution }) => [
      { at: execution.startedAt, by: 1 },
      { at: evidence.endOf(execution), by: -1 }
    ])
    const most = mostAtOnce(instants)
    if (most > max) problems.push(`limit '${key}': ${most} at once, ${max} may be`)
    const again = undisturbed.filter(({ execution }) => execution.how === "ok").length - 1
    if (key.startsWith("memo ") && again > 0) problems.push(`'${key}' was worked out ${again} times again`)
  }
  return problems
}

/** What a killed worker had was given to others in time, and nobody else lost anything. */
export const takeovers = (
  evidence: Evidence
): { readonly problems: Problems; readonly millis: ReadonlyArray<number> } => {
  const { ledgers, history, runs } = evidence
  const problems: Array<string> = []
  const millis: Array<number> = []
  for (const { run, events } of runs.values()) {
    for (const event of events) {
      if (event.type !== "StepReleased") continue
      const { atMillis, step, item, attempt } = event
      const what = `run ${run.id}: attempt ${attempt} of step '${step}'${item === undefined ? "" : `[${item}]`}`
      const name = /^worker '(.*)' did not renew its lease$/.exec(event.reason)?.[1]
      if (name === undefined) {
        // Given back: then it was not begun.
        const begun = evidence.byUnit.get(unitOf({ run: run.id, step, item }))?.find((one) => one.attempt === attempt)
        if (begun !== undefined && !evidence.isExplained(begun)) {
          problems.push(`${what} was begun and given back: ${event.reason}: ${when([begun])}`)
        }
        continue
      }
      const pid = ledgers.workers.get(name)
      const from = atMillis - 2 * LEASE_MILLIS
      if (pid === undefined) problems.push(`${what}: nobody knows worker '${name}'`)
      else {
        const killed = history.acts.find((act) => act.kind === "kill worker" && act.pid === pid)
        const isStormy = evidence.isStormy(Math.min(killed?.from ?? from, from), atMillis)
        if (killed !== undefined && !isStormy) {
          const late = atMillis - killed.from
          millis.push(late)
          if (late > LEASE_MILLIS + 1_000)
            problems.push(`${what} was taken over ${late} ms after worker ${pid} was killed`)
        } else if (!isStormy && !evidence.isStruck(pid, from, atMillis)) {
          const drained = history.drains.some((drain) => drain.pid === pid)
          problems.push(`${what} was lost by worker ${pid}${drained ? ", which was told to end" : ""}, at ${atMillis}`)
        }
      }
    }
  }
  return { problems, millis }
}

/** Workers that are told to end do so by themselves, and in time. */
export const drains = (evidence: Evidence, mostMillis: number): Problems =>
  evidence.history.drains.flatMap(({ pid, from, to, end }) => {
    // A process that is not given time, or whose task keeps its main thread, learns of it later.
    const isExcused = evidence.isStormy(from, to) || evidence.isStruck(pid, from, to)
    const isLate = to - from > mostMillis && !isExcused
    if (end === "exit code 0" && !isLate) return []
    return [`worker ${pid} was told to end: ${end} after ${to - from} ms`]
  })

const when = (executions: ReadonlyArray<Execution>): string =>
  executions
    .map(
      ({ pid, attempt, startedAt, endedAt, how }) => `#${attempt} by ${pid} ${startedAt}–${endedAt ?? ""} ${how ?? ""}`
    )
    .join("; ")
