/** Counts and durations of answered requests. */
import { Histogram } from "../../../core/statistics/Histogram.ts"
import type { Exposition } from "./Prometheus.ts"

/** Microseconds per second. */
const MICROS = 1_000_000

/** The histogram bucket of 100 microseconds: the lowest one that is exposed. */
const FIRST_BUCKET = 48

/** Answers to one method on one route. */
interface RouteMetrics {
  readonly method: string
  readonly route: string
  readonly statuses: Map<number, number>
  readonly micros: Histogram
}

/** Methods with their own label. Others count as `other`, because clients can invent any number of them. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])

/** Counts by route, not by path, so that the number of time series is bounded. */
export class RequestMetrics {
  readonly #answered: Map<string, Map<string, RouteMetrics>> = new Map()

  /** Counts an answer. `millis`: time until it began. */
  add(method: string, route: string, status: number, millis: number): void {
    let byMethod = this.#answered.get(route)
    if (byMethod === undefined) {
      byMethod = new Map()
      this.#answered.set(route, byMethod)
    }
    let answered = byMethod.get(method)
    if (answered === undefined) {
      const name = METHODS.has(method) ? method : "other"
      answered = byMethod.get(name) ?? { method: name, route, statuses: new Map(), micros: new Histogram() }
      byMethod.set(name, answered)
    }
    answered.statuses.set(status, (answered.statuses.get(status) ?? 0) + 1)
    answered.micros.add(Math.round(1_000 * millis))
  }

  /** Writes the metrics. */
  expose(metrics: Exposition): void {
    const all = [...this.#answered.values()].flatMap((byMethod) => [...byMethod.values()])
    const requests = metrics.family("levada_http_requests_total", "counter", "Answered HTTP requests.")
    for (const { method, route, statuses } of all) {
      for (const [status, count] of statuses) requests.add(count, { method, route, status: String(status) })
    }
    const durations = metrics.family(
      "levada_http_request_duration_seconds",
      "histogram",
      "Time until the answer to a request began."
    )
    for (const { method, route, micros } of all) durations.histogram(micros, MICROS, { method, route }, FIRST_BUCKET)
  }
}
