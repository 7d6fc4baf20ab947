/** What has to hold for every run by itself. */
import { isDeepStrictEqual } from "node:util"
import { type Event, Run } from "../../adapters/promise/index.ts"
import { caseOf } from "./Cases.ts"
import type { Evidence, Told } from "./Evidence.ts"
import type { Wanted } from "./Load.ts"

/** What is wrong, one line for each thing. */
export type Problems = ReadonlyArray<string>

/** Runs that were accepted are there and over; those that were not are there once at most. */
export const accepted = ({ wanted, runs }: Evidence): Problems => {
  const problems: Array<string> = []
  const bySeed = Map.groupBy(runs.values(), ({ run }) => Number(run.parameters["seed"]))
  for (const { seed, pipeline, ids } of wanted) {
    const what = `the run of '${pipeline}' with seed ${seed}`
    if (ids.size > 1) problems.push(`${what} has several ids: ${[...ids].join(", ")}`)
    for (const id of ids) {
      const told = runs.get(id)
      if (told === undefined) problems.push(`${what} was accepted as ${id} and is not there`)
    }
    const found = bySeed.get(seed) ?? []
    if (found.length > 1) problems.push(`${what} is there ${found.length} times`)
  }
  for (const { run } of runs.values()) {
    if (!Run.isTerminal(run.status)) problems.push(`${called(run)} is not over: ${run.status}`)
  }
  return problems
}

/** The log of each run is gap-free, tells what the run is, and ends each step once. */
export const logs = ({ runs }: Evidence): Problems =>
  [...runs.values()].flatMap((told) => (Run.isTerminal(told.run.status) ? logOf(told) : []))

const ENDS: ReadonlySet<Event.Event["type"]> = new Set(["StepCompleted", "StepFailed", "StepSkipped", "StepCancelled"])

const logOf = ({ run, events }: Told): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const what = called(run)
  const wrong = events.findIndex(({ sequence }, at) => sequence !== at + 1)
  if (wrong !== -1) problems.push(`${what}: event ${wrong + 1} has the sequence ${events[wrong]!.sequence}`)
  const back = events.findIndex(({ atMillis }, at) => at > 0 && atMillis < events[at - 1]!.atMillis)
  if (back !== -1) problems.push(`${what}: event ${back + 1} was before the one before it`)
  const over = events.findIndex(
    ({ type }) => type === "RunCompleted" || type === "RunFailed" || type === "RunCancelled"
  )
  if (over !== events.length - 1) problems.push(`${what}: event ${over + 1} of ${events.length} ends it`)
  const steps = run.steps.map(({ name }) => ({ name }))
  const folded = Run.fold(Run.pending({ ...run }, steps), events)
  // Both as JSON, in which what is undefined is not there.
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(folded)), JSON.parse(JSON.stringify(run)))) {
    problems.push(`${what}: its events tell ${JSON.stringify(folded)}, it is ${JSON.stringify(run)}`)
  }
  for (const { name, status } of run.steps) {
    const ofStep = events.filter((event) => "step" in event && event.step === name)
    const ends = ofStep.filter(({ type }) => ENDS.has(type))
    if (ends.length > 1 || (ends.length === 0 && run.status === "COMPLETED")) {
      problems.push(`${what}: step '${name}' (${status}) ended ${ends.length} times`)
    }
    const last = ofStep.at(-1)
    if (ends.length > 0 && last !== ends[0])
      problems.push(`${what}: step '${name}' goes on after its end: ${last?.type}`)
  }
  return problems
}

/** Each run ended as it has to, with the values that it has to have. */
export const results = ({ wanted, runs }: Evidence): Problems => {
  const bySeed = new Map(wanted.map((asked) => [asked.seed, asked]))
  return [...runs.values()].flatMap(({ run }) => {
    if (run.schedule !== undefined) return resultOf(run, SCHEDULED)
    const asked = bySeed.get(Number(run.parameters["seed"]))
    return asked === undefined ? [`${called(run)} was never asked for`] : resultOf(run, asked)
  })
}

/** What a run was asked for that a schedule started. */
const SCHEDULED: Wanted = {
  pipeline: "",
  seed: 0,
  parameters: {},
  options: {},
  askedAt: 0,
  ids: new Set(),
  isCancelled: false,
  cancelledSteps: new Set()
}

const resultOf = (run: Run.Run, asked: Wanted): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const { values, ends, errors = {} } = caseOf(run.pipelineId, run.version)
  const expected = values(asked.seed)
  for (const [name, json] of Object.entries(run.outputs)) {
    if (!isDeepStrictEqual(JSON.parse(json), expected[name])) {
      problems.push(`${called(run)}: '${name}' is ${json} and has to be ${JSON.stringify(expected[name])}`)
    }
  }
  for (const { name, status, error } of run.steps) {
    if (status === "FAILED" && errors[name] !== error?.name) {
      problems.push(`${called(run)}: step '${name}' failed: ${JSON.stringify(error)}`)
    }
  }
  const missing = Object.keys(expected).filter((name) => !Object.hasOwn(run.outputs, name))
  if (
    run.status === ends &&
    asked.cancelledSteps.size === 0 &&
    run.error?.name !== "RunTimedOut" &&
    missing.length > 0
  ) {
    problems.push(`${called(run)} is ${run.status} without ${missing.join(", ")}`)
  }
  if (run.status === ends) return problems
  const isMeant =
    run.status === "CANCELLED"
      ? asked.isCancelled
      : run.status === "FAILED" &&
        (asked.cancelledSteps.size > 0 ||
          (asked.options.timeoutMillis !== undefined && run.error?.name === "RunTimedOut"))
  if (!isMeant) problems.push(`${called(run)} is ${run.status}: ${JSON.stringify(run.error ?? run.reason)}`)
  return problems
}

/** Instants are those of Redis, whatever the clocks of the processes: delays and timeouts are neither too short nor too long. */
export const instants = ({ wanted, runs }: Evidence, endedAt: number): Problems => {
  const problems: Array<string> = []
  for (const { askedAt, options, ids } of wanted) {
    for (const id of ids) {
      const { run, events } = runs.get(id) ?? {}
      if (run === undefined || events === undefined) continue
      const { submittedAtMillis, startAtMillis, startedAtMillis = startAtMillis } = run
      const last = events.at(-1)?.atMillis ?? submittedAtMillis
      if (submittedAtMillis < askedAt - 1 || last > endedAt) {
        problems.push(`${called(run)} was asked for at ${askedAt}, it is from ${submittedAtMillis} to ${last}`)
      }
      const { delayMillis = 0, timeoutMillis } = options
      if (startAtMillis !== submittedAtMillis + delayMillis || startedAtMillis < startAtMillis) {
        problems.push(
          `${called(run)} is from ${submittedAtMillis}, is delayed by ${delayMillis} ms, and began at ${startedAtMillis}`
        )
      }
      const isEarly = run.completedAtMillis! < startAtMillis + (timeoutMillis ?? 0)
      if (run.error?.name === "RunTimedOut" && (timeoutMillis === undefined || isEarly)) {
        problems.push(`${called(run)} began at ${startedAtMillis} and timed out at ${run.completedAtMillis}`)
      }
    }
  }
  return problems
}

/** No more runs of a pipeline were under way at once than there may. */
export const runLimits = ({ runs }: Evidence): Problems => {
  const problems: Array<string> = []
  for (const [pipelineId, told] of Map.groupBy(runs.values(), ({ run }) => run.pipelineId)) {
    const { maxRuns = Number.POSITIVE_INFINITY } = caseOf(pipelineId)
    const begun = told.filter(({ run }) => run.startedAtMillis !== undefined)
    const instants = begun.flatMap(({ run }) => [
      { at: run.startedAtMillis!, by: 1 },
      { at: run.completedAtMillis ?? Number.POSITIVE_INFINITY, by: -1 }
    ])
    const most = mostAtOnce(instants)
    if (most > maxRuns) problems.push(`${most} runs of '${pipelineId}' were under way at once, ${maxRuns} may be`)
  }
  return problems
}

/** How many there were at once at the most; what ends and begins at one instant follows one another. */
export const mostAtOnce = (instants: Array<{ readonly at: number; readonly by: number }>): number => {
  let now = 0
  let most = 0
  for (const { by } of instants.sort((one, other) => one.at - other.at || one.by - other.by)) {
    now += by
    most = Math.max(most, now)
  }
  return most
}

const called = ({ id, pipelineId, parameters }: Run.Run): string =>
  `run ${id} of '${pipelineId}' (seed ${parameters["seed"]})`
