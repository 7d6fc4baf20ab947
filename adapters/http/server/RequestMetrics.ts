/** What a server has answered, in numbers. */
import { Histogram } from "../../../core/statistics/Histogram.ts"
import type { Exposition } from "./Prometheus.ts"

/** How many of a unit make a second. */
const MICROS = 1_000_000

/** The class of 100 microseconds: what is faster is not told apart. */
const FIRST = 48

/** What was answered on one route to one method. */
interface Answered {
  readonly method: string
  readonly route: string
  readonly statuses: Map<number, number>
  readonly micros: Histogram
}

/** Methods that have a name of their own in the numbers; anybody can make up more. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])

/** Counts by route and not by path, so that there are as many numbers as routes. */
export class RequestMetrics {
  readonly #answered: Map<string, Map<string, Answered>> = new Map()

  /** Counts an answer that took so long to begin. */
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

  /** Tells it. */
  expose(metrics: Exposition): void {
    const all = [...this.#answered.values()].flatMap((byMethod) => [...byMethod.values()])
    const requests = metrics.family("levada_http_requests_total", "counter", "Requests that were answered.")
    for (const { method, route, statuses } of all) {
      for (const [status, count] of statuses) requests.add(count, { method, route, status: String(status) })
    }
    const durations = metrics.family(
      "levada_http_request_duration_seconds",
      "histogram",
      "How long answers took to begin."
    )
    for (const { method, route, micros } of all) durations.spread(micros, MICROS, { method, route }, FIRST)
  }
}
