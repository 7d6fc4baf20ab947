/** The route of the Prometheus metrics. */
import * as Effect from "effect/Effect"
import type { Totals } from "../../../core/operations/StatisticsOperations.ts"
import type { Failure } from "../server/Failures.ts"
import { type HttpReply, text } from "../server/Message.ts"
import { CONTENT_TYPE, Exposition } from "../server/Prometheus.ts"
import { type Call, get, type Route } from "../server/Route.ts"
import { residentBytes } from "./HealthRoutes.ts"

const PATH = "/metrics"

/** Milliseconds per second. */
const MILLIS = 1_000

/** How long the Store may take to answer before it counts as down, in milliseconds. */
const STORE_MILLIS = 5_000

const OUTCOMES = ["completed", "failed", "cancelled"] as const

const exposeTotals = (metrics: Exposition, { pipelines, gaps }: Totals): void => {
  const runs = metrics.family("levada_runs_total", "counter", "Finished runs.")
  for (const [pipeline, tally] of pipelines) {
    for (const outcome of OUTCOMES) runs.add(tally.runs[outcome], { pipeline, outcome })
  }
  const durations = metrics.family(
    "levada_run_duration_seconds",
    "histogram",
    "Duration of runs from their first step to their end; completed and failed runs only."
  )
  for (const [pipeline, tally] of pipelines) durations.histogram(tally.runs.durations, MILLIS, { pipeline })
  const steps = metrics.family(
    "levada_steps_total",
    "counter",
    "Finished steps, and attempts that were followed by a retry (outcome retried)."
  )
  for (const [pipeline, tally] of pipelines) {
    for (const [step, numbers] of tally.steps) {
      for (const outcome of [...OUTCOMES, "skipped", "retried"] as const) {
        steps.add(numbers[outcome], { pipeline, step, outcome })
      }
    }
  }
  const memoised = metrics.family(
    "levada_steps_memoised_total",
    "counter",
    "Steps that completed with a memoised result."
  )
  for (const [pipeline, tally] of pipelines) {
    for (const [step, numbers] of tally.steps) memoised.add(numbers.memoised, { pipeline, step })
  }
  const attempts = metrics.family(
    "levada_step_duration_seconds",
    "histogram",
    "Duration of the last attempt of steps; completed and failed steps only."
  )
  for (const [pipeline, tally] of pipelines) {
    for (const [step, numbers] of tally.steps) attempts.histogram(numbers.durations, MILLIS, { pipeline, step })
  }
  metrics
    .family("levada_events_missed_total", "counter", "Gaps in the event feed; the counters miss the events in a gap.")
    .add(gaps)
}

const exposeLoad = (metrics: Exposition, { load, pipelines }: Totals): void => {
  const { waiting, abandoned, overdue, oldestWaitingMillis, running, unfinished, workers } = load
  const depth = metrics.family("levada_queue_depth", "gauge", "Ready steps that no worker has claimed.")
  // Pipelines without waiting steps are exposed too, with 0.
  for (const pipeline of new Set([...pipelines.keys(), ...waiting.keys()])) {
    depth.add(waiting.get(pipeline) ?? 0, { pipeline })
  }
  const abandonedSteps = metrics.family(
    "levada_steps_abandoned",
    "gauge",
    "Ready steps that no worker can claim, because none has their version."
  )
  const byPipeline = new Map<string, number>()
  for (const { pipelineId, steps } of abandoned) byPipeline.set(pipelineId, (byPipeline.get(pipelineId) ?? 0) + steps)
  for (const pipeline of new Set([...pipelines.keys(), ...byPipeline.keys()])) {
    abandonedSteps.add(byPipeline.get(pipeline) ?? 0, { pipeline })
  }
  const gauge = (name: string, value: number, help: string): void => metrics.family(name, "gauge", help).add(value)
  gauge(
    "levada_oldest_waiting_seconds",
    oldestWaitingMillis / MILLIS,
    "Lower bound of how long the oldest ready step has waited."
  )
  gauge("levada_steps_running", running, "Steps and items that workers have claimed.")
  gauge("levada_runs_unfinished", unfinished, "Unfinished runs.")
  gauge("levada_workers", workers, "Live workers.")
  gauge(
    "levada_schedules_overdue",
    overdue.length,
    "Schedules that no server has fired for more than a minute after their tick; at most 100 are counted."
  )
}

const NO_TOTALS: Effect.Effect<Totals | undefined> = Effect.sync(() => undefined)

/** Answers the metrics, with the names of only those pipelines that the caller may read. */
const answer = (call: Call): Effect.Effect<HttpReply, Failure> =>
  Effect.gen(function* () {
    const { operations, server } = call
    const caller = yield* server.identify(call, `GET ${PATH}`)
    const metrics = new Exposition()
    server.requests.expose(metrics)
    metrics.family("levada_http_streams", "gauge", "Open event streams and WebSockets.").add(server.streams.size)
    const found = yield* operations
      .totals(caller)
      .pipe(
        Effect.timeout(STORE_MILLIS),
        Effect.catchTags({ StoreUnavailable: () => NO_TOTALS, TimeoutError: () => NO_TOTALS })
      )
    metrics.family("levada_store_up", "gauge", "1 if the store answers, otherwise 0.").add(found === undefined ? 0 : 1)
    if (found !== undefined) {
      exposeTotals(metrics, found)
      exposeLoad(metrics, found)
    }
    const memory = residentBytes()
    if (memory !== undefined) {
      metrics.family("process_resident_memory_bytes", "gauge", "Resident memory of this process, in bytes.").add(memory)
    }
    return text(200, CONTENT_TYPE, metrics.text)
  })

/** The routes. */
export const metricsRoutes: ReadonlyArray<Route> = [get(PATH, "none", "Metrics in the Prometheus text format.", answer)]
