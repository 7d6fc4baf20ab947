/** Compares a Store with a ledger: what was told must be there, whatever happened to the processes. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { SqliteStore } from "../../adapters/sqlite/index.ts"
import type { Event } from "../../core/run/Event.ts"
import * as Run from "../../core/run/Run.ts"
import type { Store } from "../../core/store/Store.ts"
import type { ErrorInfo } from "../../core/values/ErrorInfo.ts"
import type { Ledger } from "./Ledger.ts"
import { MAX_RUNS, MAX_SQUARES, outputsOf } from "./Load.ts"

/** The default of `maxLosses`: the last one ends the run and leaves no further event. */
const MAX_LOSSES = 3

interface Found {
  readonly run: Run.Run
  readonly events: ReadonlyArray<Event>
}

/** Opens a file and says what is wrong. `isDrained`: whether all work is done. */
export const problemsInFile = (file: string, ledger: Ledger, isDrained: boolean): Promise<ReadonlyArray<string>> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(SqliteStore.make({ file, historyCount: 1_000_000 }), (store) =>
        problemsOf(ledger, store, isDrained)
      )
    ) as Effect.Effect<ReadonlyArray<string>>
  )

/** What is wrong with a Store. */
export const problemsOf = (
  ledger: Ledger,
  store: Store,
  isDrained: boolean
): Effect.Effect<ReadonlyArray<string>, unknown> =>
  Effect.gen(function* () {
    const problems = [...ledger.problems]
    const found: Array<Found> = []
    const ids = new Set([...ledger.started.keys(), ...(yield* idsOf(store))])
    for (const id of ids) {
      const got = yield* Effect.result(store.get(id))
      if (got._tag === "Failure") {
        problems.push(`${id} is missing`)
        continue
      }
      const run = got.success
      const events = yield* Stream.runCollect(Stream.take(store.watch(id), run.sequence))
      found.push({ run, events })
      const wrong = [...consistent({ run, events }), ...kept(ledger, { run, events }, isDrained)]
      for (const problem of wrong) problems.push(`${id} of '${run.pipelineId}', ${run.status}: ${problem}`)
    }
    problems.push(...overlaps(found), ...(yield* scheduled(ledger, store, found)))
    return problems
  })

const idsOf = (store: Store) =>
  Effect.gen(function* () {
    const ids: Array<string> = []
    for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
      const page: Effect.Success<ReturnType<Store["list"]>> = yield* store.list({
        limit: 500,
        ...(cursor !== undefined && { cursor })
      })
      ids.push(...page.runs.map(({ id }) => id))
      cursor = page.nextCursor
    }
    return ids
  })

/** The run is what its events make of it, and each step completes once. */
const consistent = ({ run, events }: Found): ReadonlyArray<string> => {
  const problems: Array<string> = []
  if (events.some(({ sequence }, at) => sequence !== at + 1)) problems.push("its events have a gap")
  const folded = Run.fold(Run.pending(run, run.steps), events)
  if (JSON.stringify(folded) !== JSON.stringify(run))
    problems.push(`it is not what its events make of it: ${JSON.stringify({ folded, run })}`)
  const completed = events.flatMap((event) => (event.type === "StepCompleted" ? [event.step] : []))
  if (new Set(completed).size < completed.length) problems.push("a step is recorded twice")
  return problems
}

/** What was told of the run is so. */
const kept = (ledger: Ledger, { run, events }: Found, isDrained: boolean): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const { id, status } = run
  const isOver = Run.isTerminal(status)
  for (const [step, sequence] of ledger.steps.get(id) ?? []) {
    const event = events[sequence - 1]
    if (event?.type !== "StepCompleted" || event.step !== step) problems.push(`the completion of '${step}' is missing`)
  }
  const told = ledger.ended.get(id)
  if (told !== undefined && told !== status) problems.push(`its end was told as ${told}`)
  if (ledger.cancelled.has(id) && !isOver) problems.push("its cancel was told")
  if (isDrained && !isOver) problems.push("it never ends")
  if (run.startedAtMillis !== undefined && run.startedAtMillis < run.startAtMillis) problems.push("it began too early")
  const started = ledger.started.get(id)
  if (started !== undefined && run.startAtMillis !== run.submittedAtMillis + started.delayMillis)
    problems.push("its delay is lost")
  if (isOver) problems.push(...ending(ledger, { run, events }))
  return problems
}

/** A run ends as its pipeline says, unless a caller cancelled it, or the processes are to blame. */
const ending = (ledger: Ledger, { run, events }: Found): ReadonlyArray<string> => {
  const { id, pipelineId, status, error } = run
  const mayBeCancelled = ledger.cancelling.has(id)
  if (status === "CANCELLED") return mayBeCancelled ? [] : ["nobody cancelled it"]
  if (status === "FAILED") {
    if (error?.name === "RunTimedOut" && pipelineId === "endless") return []
    if (error?.name === "StepCancelled" && mayBeCancelled) return []
    if (error?.name !== "WorkerLost") return [`it failed: ${error?.name} ${error?.message}`]
    return blame(events, error)
  }
  if (pipelineId === "endless") return ["it has no end"]
  if (pipelineId !== "squares") return []
  const { size } = JSON.parse(`{"size":${run.parameters["size"]}}`) as { size: number }
  // `halve` goes on without its items that lost their workers.
  const lost = events.flatMap((event) =>
    event.type === "StepItemFailed" && event.error.name === "WorkerLost" ? [event.error] : []
  )
  const blamed = lost.flatMap((error) => blame(events, error))
  if (blamed.length > 0) return blamed
  const expected = outputsOf(size, new Set(lost.map(({ item }) => item!)))
  return Object.keys(expected).flatMap((name) =>
    run.outputs[name] === expected[name] ? [] : [`its value '${name}' is wrong`]
  )
}

/**
 * What is wrong with the blame on lost workers. A process that is killed counts for each step and item that its worker had leased,
 * whether it had begun it or not.
 */
const blame = (events: ReadonlyArray<Event>, { step, item, message }: ErrorInfo): ReadonlyArray<string> => {
  const { length } = events.filter(
    (event) => event.type === "StepReleased" && event.step === step && event.item === item
  )
  // Memoised steps are probed first: a worker that is lost meanwhile leaves no event.
  const isRecorded = step === "square" ? length < MAX_LOSSES : length === MAX_LOSSES - 1
  return isRecorded ? [] : [`${message}, after ${length} processes`]
}

/** Limits that were exceeded, over all processes. */
const overlaps = (found: ReadonlyArray<Found>): ReadonlyArray<string> => {
  const runs: Array<readonly [number, number]> = []
  const squares: Array<readonly [number, number]> = []
  for (const { run, events } of found) {
    if (run.pipelineId !== "squares" || run.startedAtMillis === undefined) continue
    runs.push([run.startedAtMillis, run.completedAtMillis ?? Number.POSITIVE_INFINITY])
    let began: number | undefined
    for (const event of events) {
      if (event.type === "StepStarted" && event.step === "square" && event.worker !== undefined) began = event.atMillis
      const isEnd =
        "step" in event ? event.step === "square" && event.type !== "StepStarted" : event.type !== "RunStarted"
      if (began === undefined || !isEnd) continue
      squares.push([began, event.atMillis])
      began = undefined
    }
  }
  return [
    ...(most(runs) > MAX_RUNS ? [`${most(runs)} runs of 'squares' at once`] : []),
    ...(most(squares) > MAX_SQUARES ? [`${most(squares)} steps 'square' at once`] : [])
  ]
}

/** How many intervals overlap at most. One that begins when another ends does not overlap it. */
const most = (intervals: ReadonlyArray<readonly [number, number]>): number => {
  const changes = intervals.flatMap(([from, to]) =>
    from === to
      ? []
      : ([
          [from, 1],
          [to, -1]
        ] as const)
  )
  changes.sort(([one, up], [other, down]) => one - other || up - down)
  let count = 0
  let highest = 0
  for (const [, by] of changes) {
    count += by
    highest = Math.max(highest, count)
  }
  return highest
}

/** Each tick of a schedule has one run, and of `ticks:all` no tick is missing. */
const scheduled = (ledger: Ledger, store: Store, found: ReadonlyArray<Found>) =>
  Effect.gen(function* () {
    const problems: Array<string> = []
    for (const [id, createdAtMillis] of ledger.schedules) {
      const ticks = found.flatMap(({ run }) => (run.schedule?.id === id ? [run.schedule.tickMillis] : []))
      const schedule = yield* Effect.result(store.schedules.get(id))
      if (schedule._tag === "Failure") {
        problems.push(`'${id}' is missing`)
        continue
      }
      const { fired, nextAtMillis } = schedule.success
      if (new Set(ticks).size < ticks.length) problems.push(`a tick of '${id}' has two runs`)
      if (fired !== ticks.length) problems.push(`'${id}' has ${ticks.length} runs, and fired ${fired}`)
      const passed = (nextAtMillis - createdAtMillis) / 1_000 - 1
      if (id === "ticks:all" && passed !== ticks.length)
        problems.push(`'${id}' has ${ticks.length} runs for ${passed} ticks`)
    }
    return problems
  })
