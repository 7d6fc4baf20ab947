/** The route that Prometheus reads. */
import * as Effect from "effect/Effect"
import type { Totals } from "../../../core/operations/StatisticsOperations.ts"
import type { Failure } from "../server/Failures.ts"
import { type HttpReply, text } from "../server/Message.ts"
import { CONTENT_TYPE, Exposition } from "../server/Prometheus.ts"
import { type Call, get, type Route } from "../server/Route.ts"
import { residentBytes } from "./HealthRoutes.ts"

const PATH = "/metrics"

/** How many of a unit make a second. */
const MILLIS = 1_000

/** How long the Store may take before it is said that it does not answer, in milliseconds. */
const STORE_MILLIS = 5_000

const OUTCOMES = ["completed", "failed", "cancelled"] as const

const exposeTotals = (metrics: Exposition, { pipelines, gaps }: Totals): void => {
  const runs = metrics.family("levada_runs_total", "counter", "Runs that ended.")
  for (const [pipeline, tally] of pipelines) {
    for (const outcome of OUTCOMES) runs.add(tally.runs[outcome], { pipeline, outcome })
  }
  const took = metrics.family(
    "levada_run_duration_seconds",
    "histogram",
    "How long runs took from their first step, those that completed or failed."
  )
  for (const [pipeline, tally] of pipelines) took.spread(tally.runs.durations, MILLIS, { pipeline })
  const steps = metrics.family(
    "levada_steps_total",
    "counter",
    "Steps that ended, and attempts that are followed by another one (retried)."
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
    "Steps that completed with an earlier result."
  )
  for (const [pipeline, tally] of pipelines) {
    for (const [step, numbers] of tally.steps) memoised.add(numbers.memoised, { pipeline, step })
  }
  const attempts = metrics.family(
    "levada_step_duration_seconds",
    "histogram",
    "How long the last attempts of steps took, those that completed or failed."
  )
  for (const [pipeline, tally] of pipelines) {
    for (const [step, numbers] of tally.steps) attempts.spread(numbers.durations, MILLIS, { pipeline, step })
  }
  metrics
    .family(
      "levada_events_missed_total",
      "counter",
      "How often events came too fast to be counted; then runs are missing."
    )
    .add(gaps)
}

const exposeLoad = (metrics: Exposition, { load, pipelines }: Totals): void => {
  const { waiting, abandoned, overdue, oldestWaitingMillis, running, unfinished, workers } = load
  const depth = metrics.family("levada_queue_depth", "gauge", "Steps that are ready and nobody has.")
  // A pipeline of which nothing waits any more is said to be so.
  for (const pipeline of new Set([...pipelines.keys(), ...waiting.keys()])) {
    depth.add(waiting.get(pipeline) ?? 0, { pipeline })
  }
  const lacking = metrics.family(
    "levada_steps_abandoned",
    "gauge",
    "Steps that are ready and that no worker can take, because none has their version."
  )
  const byPipeline = new Map<string, number>()
  for (const { pipelineId, steps } of abandoned) byPipeline.set(pipelineId, (byPipeline.get(pipelineId) ?? 0) + steps)
  for (const pipeline of new Set([...pipelines.keys(), ...byPipeline.keys()])) {
    lacking.add(byPipeline.get(pipeline) ?? 0, { pipeline })
  }
  const one = (name: string, value: number, help: string): void => metrics.family(name, "gauge", help).add(value)
  one("levada_oldest_waiting_seconds", oldestWaitingMillis / MILLIS, "Since when at least the first of these waits.")
  one("levada_steps_running", running, "Steps and items that workers have.")
  one("levada_runs_unfinished", unfinished, "Runs that are not over.")
  one("levada_workers", workers, "Workers that are there.")
  one(
    "levada_schedules_overdue",
    overdue.length,
    "Schedules that no server has fired in time, as far as they are named."
  )
}

const NO_TOTALS: Effect.Effect<Totals | undefined> = Effect.sync(() => undefined)

/** What is counted, by name of those pipelines that the caller may read. */
const answer = (call: Call): Effect.Effect<HttpReply, Failure> =>
  Effect.gen(function* () {
    const { operations, serving } = call
    const known = yield* serving.recognise(call, `GET ${PATH}`)
    const metrics = new Exposition()
    serving.requests.expose(metrics)
    metrics.family("levada_http_streams", "gauge", "Streams of events that are open.").add(serving.streams.size)
    const found = yield* operations
      .totals(known)
      .pipe(
        Effect.timeout(STORE_MILLIS),
        Effect.catchTags({ StoreUnavailable: () => NO_TOTALS, TimeoutError: () => NO_TOTALS })
      )
    metrics.family("levada_store_up", "gauge", "Whether the store answers.").add(found === undefined ? 0 : 1)
    if (found !== undefined) {
      exposeTotals(metrics, found)
      exposeLoad(metrics, found)
    }
    const memory = residentBytes()
    if (memory !== undefined) {
      metrics.family("process_resident_memory_bytes", "gauge", "Memory of this process.").add(memory)
    }
    return text(200, CONTENT_TYPE, metrics.text)
  })

/** The routes. */
export const metricsRoutes: ReadonlyArray<Route> = [get(PATH, "none", "Metrics, as Prometheus reads them.", answer)]
