/** Examines a Store on Redis: whether runs are safe there, which steps wait, and what went wrong. */
import * as Clock from "effect/Clock"
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
import { KEY } from "./lua/Codes.ts"
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
  /** Whether a connected worker has this version. */
  readonly hasWorker: boolean
}

/** A step that lost too many workers, and failed its run. You can retry the run. */
export interface DeadLetter {
  readonly runId: string
  readonly step: string
  readonly atMillis: number
}

/** Work that is in no queue because Redis refused a write. `mend` brings it back. */
export interface Stranded {
  /** At most 1,000 sentences. */
  readonly problems: ReadonlyArray<string>
  /** Whether there are more problems, or more unfinished runs than the 10,000 oldest, which were checked. */
  readonly hasMore: boolean
}

/** The result of an examination. */
export interface Report {
  readonly server: ServerFacts.Facts
  /** The most that a crash of the server loses, in words. */
  readonly lossWindow: string
  /** How far the clock of this machine is ahead of the server's, in milliseconds; exact to half a round trip. */
  readonly clockSkewMillis: number
  /** How far the Store's clock is ahead of the server's, in milliseconds. 0 unless the server's clock was set back. */
  readonly storeSkewMillis: number
  /** How many workers are connected. */
  readonly workers: number
  /** How many runs have not ended. */
  readonly unfinished: number
  /** How many ended runs are kept. */
  readonly ended: number
  /** How many steps and items are leased to workers. */
  readonly lent: number
  readonly waiting: ReadonlyArray<WaitingSteps>
  /** Schedules that no server has fired for more than 60,000 ms after their tick: at most 100. */
  readonly overdue: ReadonlyArray<Overdue>
  /** Work of unfinished runs that is in no queue, is not leased, waits for no limit and is not due. */
  readonly stranded: Stranded
  /** The ids of paused pipelines. */
  readonly paused: ReadonlyArray<string>
  /** At most the newest 1,000, newest first. */
  readonly deadLetters: ReadonlyArray<DeadLetter>
  /** Sentences about all that needs your attention; empty when all is well. */
  readonly problems: ReadonlyArray<string>
}

/** Where Redis is, and the bounds of the Store if they are not the defaults. The doctor removes no runs. */
export interface Options extends Connection.Options, StoreBounds.StoreBounds {
  /** Prefix of the Store's keys. Default: `levada`. */
  readonly prefix?: string
}

/** A larger difference between clocks is a problem, in milliseconds. */
const MAX_SKEW_MILLIS = 1_000

/** Connects for as long as the scope is open, even to a server that evicts keys. */
const opened = (options: Options): Effect.Effect<Scripts, InvalidOption | StoreUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const mistake = Connection.invalid(options) ?? StoreBounds.invalid(options)
    if (mistake !== undefined) return yield* mistake
    const { client } = yield* Connection.open({ ...options, allowEviction: true }, Connection.COMMAND_MILLIS)
    return new Scripts(client, `{${options.prefix ?? "levada"}}:`)
  })

/**
 * Examines a Store. Changes nothing. Fails with `InvalidOption`, or with `StoreUnavailable` when the server can't be reached
 * or used.
 */
export const examine = (options: Options = {}): Effect.Effect<Report, InvalidOption | StoreUnavailable> =>
  Effect.scoped(
    Effect.gen(function* () {
      const scripts = yield* opened(options)
      const { client, prefix } = scripts
      const server = yield* ServerFacts.facts(client)
      const ask = <A>(what: () => Promise<A>) => Effect.tryPromise({ try: what, catch: toUnavailable })

      const clock = yield* Clock.Clock
      const before = clock.currentTimeMillisUnsafe()
      const { nowMillis, serverMillis, skewMillis } = yield* ask(() => StoreTime.read(client, prefix))
      // Assumes that the server read its clock in the middle of the round trip.
      const clockSkewMillis = Math.round((before + clock.currentTimeMillisUnsafe()) / 2 - serverMillis)

      const there = yield* ask(() => present(scripts, nowMillis))
      const dead = yield* ask(() => client.lrange(`${prefix}${KEY.dead}`, 0, -1))
      const report = {
        server,
        lossWindow: ServerFacts.lossWindow(server),
        clockSkewMillis,
        storeSkewMillis: skewMillis,
        workers: there.workers,
        unfinished: yield* ask(() => client.zcard(`${prefix}${KEY.unfinished}`)),
        ended: yield* ask(() => client.zcard(`${prefix}${KEY.ended}`)),
        lent: yield* ask(() => client.zcard(`${prefix}${KEY.leases}`)),
        waiting: yield* ask(() => waitingIn(scripts, there)),
        overdue: yield* ask(() => overdueAt(scripts, nowMillis)),
        stranded: yield* ask(() => stranded(scripts, options, false)),
        paused: yield* ask(() => client.smembers(`${prefix}${KEY.paused}`)),
        deadLetters: dead.map((text): DeadLetter => {
          const [atMillis, runId, step] = JSON.parse(text) as [number, string, string]
          return { runId, step, atMillis }
        })
      }
      return { ...report, problems: problemsOf(report) }
    })
  )

/**
 * Brings back the work that `examine` reports as stranded, and returns what was wrong. Fails as `examine` does.
 */
export const mend = (options: Options = {}): Effect.Effect<Stranded, InvalidOption | StoreUnavailable> =>
  Effect.scoped(
    Effect.flatMap(opened(options), (scripts) =>
      Effect.tryPromise({ try: () => stranded(scripts, options, true), catch: toUnavailable })
    )
  )

/** How many queues and runs are checked, and how many problems reported, at most. */
const MAX_QUEUES = 10_000
const MAX_RUNS = 10_000
const MAX_PROBLEMS = 1_000

/** How many queues, and how many runs, one call checks. */
const PAGE = 500
const SLICE = 100

const stranded = async (scripts: Scripts, options: StoreBounds.StoreBounds, isToMend: boolean): Promise<Stranded> => {
  // The doctor forgets no runs: only the Store does.
  const bounds = { ...StoreBounds.complete(options), historyCount: Number.MAX_SAFE_INTEGER }
  const mender = new Mender(scripts, new RunReader(scripts, bounds.maxValueBytes, new Blobs(undefined)), bounds)
  const problems: Array<string> = []
  let from: string | undefined = "-inf"
  for (let runs = 0; from !== undefined && runs < MAX_RUNS && problems.length < MAX_PROBLEMS; runs += SLICE) {
    const found = await mender.check(from, SLICE, isToMend)
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
    const queues = await client.zrange(`${prefix}${KEY.ready}`, String(from), String(from + PAGE - 1))
    const keys = queues.map((queue) => queue.slice(queue.indexOf("|") + 1))
    const isLacking = await lacking([...new Set(keys)])
    const lengths = await Promise.all(queues.map((queue) => client.llen(`${prefix}${KEY.queue}${queue}`)))
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
          `The clocks of this machine and of the server differ by ${Math.abs(clockSkewMillis)} ms: Levada uses the server's`
        ]
      : []),
    ...(storeSkewMillis > MAX_SKEW_MILLIS
      ? [
          `The server's clock was set back: the Store's clock, by which schedules fire, is ${storeSkewMillis} ms ahead of it`
        ]
      : []),
    ...(unfinished > 0 && workers === 0 ? [`${unfinished} runs wait, but no worker is connected`] : []),
    ...waiting
      .filter(({ hasWorker, pipelineId }) => !hasWorker && workers > 0 && !paused.includes(pipelineId))
      .map(
        ({ pipelineId, version, steps }) =>
          `${steps} steps of pipeline '${pipelineId}' wait for a worker with version ${version}`
      ),
    ...report.overdue.map(
      ({ id, pipelineId }) => `Schedule '${id}' of pipeline '${pipelineId}' is overdue: no server fires it`
    ),
    ...report.stranded.problems.map((problem) => `${problem}; \`mend\` brings it back`),
    ...(report.stranded.hasMore
      ? [`Only the oldest ${MAX_RUNS} unfinished runs were checked for lost work, or there are more problems`]
      : []),
    ...(deadLetters.length === 0
      ? []
      : [
          `${deadLetters.length} steps failed because they lost too many workers; find the cause, then retry their runs`
        ])
  ]
}
