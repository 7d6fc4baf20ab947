/** What there is to know of a Store on Redis: whether runs are safe there, what waits, and what went wrong. */
import * as Effect from "effect/Effect"
import type { InvalidOption, StoreUnavailable } from "../../core/Errors.ts"
import * as Connection from "./Connection.ts"
import { toUnavailable } from "./Scripts.ts"
import * as Server from "./Server.ts"
import * as StoreTime from "./StoreTime.ts"
import { ABSENT_MILLIS } from "./Versions.ts"

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

/** What was found. */
export interface Report {
  readonly server: Server.Facts
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
  readonly paused: ReadonlyArray<string>
  /** The newest 1,000 at most, newest first. */
  readonly deadLetters: ReadonlyArray<DeadLetter>
  /** What somebody should look at, in sentences; empty when all is well. */
  readonly problems: ReadonlyArray<string>
}

/** Where to look. */
export interface Options extends Connection.Options {
  /** Default: `levada`. */
  readonly prefix?: string
}

/** From how many milliseconds on a difference of clocks is told of. */
const MAX_SKEW_MILLIS = 1_000

/**
 * Looks at a Store. Changes nothing. Fails with `InvalidOption`, or with `StoreUnavailable` when the server can't be reached
 * or used.
 */
export const examine = (options: Options = {}): Effect.Effect<Report, InvalidOption | StoreUnavailable> =>
  Effect.scoped(
    Effect.gen(function* () {
      const mistake = Connection.invalid(options)
      if (mistake !== undefined) return yield* mistake
      const { client } = yield* Connection.open({ ...options, allowEviction: true }, Connection.COMMAND_MILLIS)
      const server = yield* Server.facts(client)
      const prefix = `{${options.prefix ?? "levada"}}:`
      const ask = <A>(what: () => Promise<A>) => Effect.tryPromise({ try: what, catch: toUnavailable })

      const before = Date.now()
      const { nowMillis, serverMillis, skewMillis } = yield* ask(() => StoreTime.read(client, prefix))
      // As if it had been read in the middle of the way there and back.
      const clockSkewMillis = Math.round((before + Date.now()) / 2 - serverMillis)

      const present = yield* ask(() =>
        client.zrangebyscore(`${prefix}workers`, String(nowMillis - ABSENT_MILLIS), "+inf")
      )
      const digests = [...new Set(present.map((member) => member.slice(0, member.indexOf(" "))))]
      const sets = yield* Effect.forEach(digests, (name) => ask(() => client.smembers(`${prefix}versions:${name}`)))
      const versions = new Set(sets.flat())

      const queues = yield* ask(() => client.zrange(`${prefix}ready`, "0", "-1"))
      const waiting = yield* Effect.forEach(queues, (queue) =>
        Effect.map(
          ask(() => client.llen(`${prefix}q:${queue}`)),
          (steps): WaitingSteps => {
            const bar = queue.indexOf("|")
            const key = queue.slice(bar + 1)
            const colon = key.indexOf(":")
            const priority = Number(queue.slice(0, bar))
            return {
              pipelineId: key.slice(colon + 1),
              version: key.slice(0, colon),
              priority,
              steps,
              hasWorker: versions.has(key)
            }
          }
        )
      )
      const dead = yield* ask(() => client.lrange(`${prefix}dead`, 0, -1))
      const report = {
        server,
        lossWindow: Server.lossWindow(server),
        clockSkewMillis,
        storeSkewMillis: skewMillis,
        workers: present.length,
        unfinished: yield* ask(() => client.zcard(`${prefix}unfinished`)),
        ended: yield* ask(() => client.zcard(`${prefix}ended`)),
        lent: yield* ask(() => client.zcard(`${prefix}leases`)),
        waiting,
        paused: yield* ask(() => client.smembers(`${prefix}paused`)),
        deadLetters: dead.map((text): DeadLetter => {
          const [atMillis, runId, step] = JSON.parse(text) as [number, string, string]
          return { runId, step, atMillis }
        })
      }
      return { ...report, problems: problemsOf(report) }
    })
  )

const problemsOf = (report: Omit<Report, "problems">): ReadonlyArray<string> => {
  const { server, clockSkewMillis, storeSkewMillis, waiting, deadLetters, unfinished, workers, paused } = report
  const unfit = Server.unfit(server, {})
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
    ...(deadLetters.length === 0
      ? []
      : [`${deadLetters.length} steps lost their workers time and again; look at them, then retry their runs`])
  ]
}
