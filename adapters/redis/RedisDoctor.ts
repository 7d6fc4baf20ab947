/** What there is to know of a Store on Redis: whether runs are safe there, what waits, and what went wrong. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Version from "../../core/pipeline/Version.ts"
import type { Overdue } from "../../core/store/Load.ts"
import * as StoreBounds from "../../core/store/StoreBounds.ts"
import type { InvalidOption, StoreUnavailable } from "../../core/values/Errors.ts"
import * as Connection from "./connection/Connection.ts"
import { Scripts, toUnavailable } from "./connection/Scripts.ts"
import * as ServerFacts from "./connection/ServerFacts.ts"
import * as StoreTime from "./connection/StoreTime.ts"
import { Blobs } from "./runs/Blobs.ts"
import { RunReader } from "./runs/RunReader.ts"
import { Mender } from "./upkeep/Mender.ts"
import { overdueAt } from "./work/RedisLoad.ts"
import { present } from "./work/WorkerPresence.ts"

/** Ready steps of one version of a pipeline, of one priority. */
export interface WaitingSteps {
  readonly pipelineId: string
  readonly version: string
  readonly priority: number
  readonly steps: number
  /** Whether a worker that is there has this version. */
  readonly hasWorker: boolean
}

/** A step that lost its workers time and again, and failed its run. Its run can be retried. */
export interface DeadLetter {
  readonly runId: string
  readonly step: string
  readonly atMillis: number
}

/** Work that acts have lost, which `mend` brings back. */
export interface Stranded {
  /** What is wrong, in sentences: at most 1,000. */
  readonly problems: ReadonlyArray<string>
  /** Whether there are more than the 10,000 oldest unfinished runs, which were looked at, or more problems. */
  readonly hasMore: boolean
}

/** What was found. */
export interface Report {
  readonly server: ServerFacts.Facts
  /** What a crash of the server loses at most. */
  readonly lossWindow: string
  /** How far the clock of this machine is ahead of the server's, in milliseconds, give or take the way there. */
  readonly clockSkewMillis: number
  /** How far the Store's clock is ahead of the server's, in milliseconds: it goes on where the server's was set back. */
  readonly storeSkewMillis: number
  /** How many workers are there. */
  readonly workers: number
  /** How many runs are not over, and how many that are over are kept. */
  readonly unfinished: number
  readonly ended: number
  /** How many steps are lent to workers. */
  readonly lent: number
  readonly waiting: ReadonlyArray<WaitingSteps>
  /** Schedules that no server has fired for more than 60,000 ms after their tick: at most 100. */
  readonly overdue: ReadonlyArray<Overdue>
  /** Work of unfinished runs that is in no queue, lent to no worker, waits for no limit and is not due. */
  readonly stranded: Stranded
  readonly paused: ReadonlyArray<string>
  /** The newest 1,000 at most, newest first. */
  readonly deadLetters: ReadonlyArray<DeadLetter>
  /** What somebody should look at, in sentences; empty when all is well. */
  readonly problems: ReadonlyArray<string>
}

/** Where to look, and the bounds of the Store there: say those that are not the default ones. Nothing is forgotten for them. */
export interface Options extends Connection.Options, StoreBounds.StoreBounds {
  /** Default: `levada`. */
  readonly prefix?: string
}

/** From how many milliseconds on a difference of clocks is told of. */
const MAX_SKEW_MILLIS = 1_000

/** Connects for as long as the scope is open, also to a server that no Store would use. */
const opened = (options: Options): Effect.Effect<Scripts, InvalidOption | StoreUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const mistake = Connection.invalid(options) ?? StoreBounds.invalid(options)
    if (mistake !== undefined) return yield* mistake
    const { client } = yield* Connection.open({ ...options, allowEviction: true }, Connection.COMMAND_MILLIS)
    return new Scripts(client, `{${options.prefix ?? "levada"}}:`)
  })

/**
 * Looks at a Store. Changes nothing. Fails with `InvalidOption`, or with `StoreUnavailable` when the server can't be reached
 * or used.
 */
export const examine = (options: Options = {}): Effect.Effect<Report, InvalidOption | StoreUnavailable> =>
  Effect.scoped(
    Effect.gen(function* () {
      const scripts = yield* opened(options)
      const { client, prefix } = scripts
      const server = yield* ServerFacts.facts(client)
      const ask = <A>(what: () => Promise<A>) => Effect.tryPromise({ try: what, catch: toUnavailable })

      const before = Date.now()
      const { nowMillis, serverMillis, skewMillis } = yield* ask(() => StoreTime.read(client, prefix))
      // As if it had been read in the middle of the way there and back.
      const clockSkewMillis = Math.round((before + Date.now()) / 2 - serverMillis)

      const there = yield* ask(() => present(scripts, nowMillis))
      const dead = yield* ask(() => client.lrange(`${prefix}dead`, 0, -1))
      const report = {
        server,
        lossWindow: ServerFacts.lossWindow(server),
        clockSkewMillis,
        storeSkewMillis: skewMillis,
        workers: there.workers,
        unfinished: yield* ask(() => client.zcard(`${prefix}unfinished`)),
        ended: yield* ask(() => client.zcard(`${prefix}ended`)),
        lent: yield* ask(() => client.zcard(`${prefix}leases`)),
        waiting: yield* ask(() => waitingIn(scripts, there)),
        overdue: yield* ask(() => overdueAt(scripts, nowMillis)),
        stranded: yield* ask(() => stranded(scripts, options, false)),
        paused: yield* ask(() => client.smembers(`${prefix}paused`)),
        deadLetters: dead.map((text): DeadLetter => {
          const [atMillis, runId, step] = JSON.parse(text) as [number, string, string]
          return { runId, step, atMillis }
        })
      }
      return { ...report, problems: problemsOf(report) }
    })
  )

/**
 * Brings back the work that `examine` says is stranded, and gives what was wrong. Fails as `examine` does.
 */
export const mend = (options: Options = {}): Effect.Effect<Stranded, InvalidOption | StoreUnavailable> =>
  Effect.scoped(
    Effect.flatMap(opened(options), (scripts) =>
      Effect.tryPromise({ try: () => stranded(scripts, options, true), catch: toUnavailable })
    )
  )

/** How many queues, runs and problems are looked at or told of at most, and how many in one call. */
const MAX_QUEUES = 10_000
const MAX_RUNS = 10_000
const MAX_PROBLEMS = 1_000
const PAGE = 500
const SLICE = 100

const stranded = async (scripts: Scripts, options: StoreBounds.StoreBounds, isToMend: boolean): Promise<Stranded> => {
  // To forget runs is the Store's business.
  const bounds = { ...StoreBounds.complete(options), historyCount: Number.MAX_SAFE_INTEGER }
  const mender = new Mender(scripts, new RunReader(scripts, bounds.maxValueBytes, new Blobs(undefined)), bounds)
  const problems: Array<string> = []
  let from: string | undefined = "-inf"
  for (let runs = 0; from !== undefined && runs < MAX_RUNS && problems.length < MAX_PROBLEMS; runs += SLICE) {
    const found = await mender.look(from, SLICE, isToMend)
    problems.push(...found.problems)
    from = found.next
  }
  return { problems: problems.slice(0, MAX_PROBLEMS), hasMore: from !== undefined || problems.length > MAX_PROBLEMS }
}

const waitingIn = async (
  { client, prefix }: Scripts,
  { workers, lacking }: Awaited<ReturnType<typeof present>>
): Promise<ReadonlyArray<WaitingSteps>> => {
  const waiting: Array<WaitingSteps> = []
  const hasWorkers = workers > 0
  for (let from = 0; from < MAX_QUEUES; from += PAGE) {
    const queues = await client.zrange(`${prefix}ready`, String(from), String(from + PAGE - 1))
    const keys = queues.map((queue) => queue.slice(queue.indexOf("|") + 1))
    const isLacking = await lacking([...new Set(keys)])
    const lengths = await Promise.all(queues.map((queue) => client.llen(`${prefix}q:${queue}`)))
    for (const [at, queue] of queues.entries()) {
      const key = keys[at]!
      waiting.push({
        ...Version.parts(key),
        priority: Number(queue.slice(0, queue.indexOf("|"))),
        steps: lengths[at]!,
        hasWorker: hasWorkers && !isLacking.has(key)
      })
    }
    if (queues.length < PAGE) break
  }
  return waiting
}

const problemsOf = (report: Omit<Report, "problems">): ReadonlyArray<string> => {
  const { server, clockSkewMillis, storeSkewMillis, waiting, deadLetters, unfinished, workers, paused } = report
  const unfit = ServerFacts.unfit(server, {})
  return [
    ...(unfit === undefined ? [] : [`The server: ${unfit}`]),
    ...(server.appendOnly ? [] : [`A crash of the server loses ${report.lossWindow}: set 'appendonly yes'`]),
    ...(server.maxBytes > 0 && server.usedBytes > 0.9 * server.maxBytes
      ? [`The server's memory is ${Math.round((100 * server.usedBytes) / server.maxBytes)} % full`]
      : []),
    ...(Math.abs(clockSkewMillis) > MAX_SKEW_MILLIS
      ? [
          `The clocks of this machine and of the server differ by ${Math.abs(clockSkewMillis)} ms: only the server's counts`
        ]
      : []),
    ...(storeSkewMillis > MAX_SKEW_MILLIS
      ? [
          `The server's clock was set back: the Store's is ${storeSkewMillis} ms ahead of it, and schedules fire by that`
        ]
      : []),
    ...(unfinished > 0 && workers === 0 ? [`${unfinished} runs wait, and there is no worker`] : []),
    ...waiting
      .filter(({ hasWorker, pipelineId }) => !hasWorker && workers > 0 && !paused.includes(pipelineId))
      .map(
        ({ pipelineId, version, steps }) =>
          `${steps} steps of pipeline '${pipelineId}' wait for a worker that has its version ${version}`
      ),
    ...report.overdue.map(
      ({ id, pipelineId }) => `Schedule '${id}' of pipeline '${pipelineId}' is overdue: no server fires it`
    ),
    ...report.stranded.problems.map((problem) => `${problem}; \`mend\` brings it back`),
    ...(report.stranded.hasMore
      ? [`Not all unfinished runs were looked at for work that is lost, only ${MAX_RUNS}`]
      : []),
    ...(deadLetters.length === 0
      ? []
      : [`${deadLetters.length} steps lost their workers time and again; look at them, then retry their runs`])
  ]
}
