/** The health checks, for load balancers and monitoring. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { nobody } from "../../../core/values/Principal.ts"
import { instant } from "../server/Instant.ts"
import { type HttpReply, json } from "../server/Message.ts"
import { type Call, get, type Route } from "../server/Route.ts"
import * as HealthWire from "./HealthWire.ts"

const READY = "/health/ready"

/** How long the Store may take to answer before it counts as unavailable, in milliseconds. */
const STORE_MILLIS = 2_000

/** Resident memory of the process, if the runtime reports it; Node, Bun and Deno do. */
export const residentBytes = (): number | undefined => {
  const { process } = globalThis as { readonly process?: { readonly memoryUsage?: () => { readonly rss: number } } }
  return process?.memoryUsage?.().rss
}

const memory = (): { readonly memory_mb?: number } => {
  const bytes = residentBytes()
  return bytes === undefined ? {} : { memory_mb: Math.round(bytes / 104_857.6) / 10 }
}

/** The exit of an effect; a failure if the effect takes longer than 2 s. */
const inTime = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<Exit.Exit<A, unknown>> =>
  Effect.exit(Effect.timeout(effect, STORE_MILLIS))

const health = ({ operations, nowMillis }: Call): Effect.Effect<HttpReply> =>
  Effect.map(inTime(operations.ping), (exit) => {
    const isHealthy = Exit.isSuccess(exit)
    return json(isHealthy ? 200 : 503, {
      status: isHealthy ? "healthy" : "unhealthy",
      timestamp: instant(nowMillis),
      broker_connected: isHealthy,
      ...memory()
    } satisfies HealthWire.Health)
  })

const live = ({ nowMillis }: Call): Effect.Effect<HttpReply> =>
  Effect.succeed(
    json(200, { status: "alive", timestamp: instant(nowMillis), ...memory() } satisfies HealthWire.Liveness)
  )

/** Public, but names only pipelines that the caller may read. */
const ready = (call: Call): Effect.Effect<HttpReply> =>
  Effect.gen(function* () {
    const { operations, nowMillis, server } = call
    const identified = yield* inTime(server.identify(call, `GET ${READY}`))
    const caller = Exit.isSuccess(identified) ? identified.value : nobody
    const exit = yield* inTime(Effect.andThen(operations.ready, operations.load(caller)))
    const about = { timestamp: instant(nowMillis), ...memory() }
    return Exit.isSuccess(exit)
      ? json(200, { status: "ready", ...about, ...HealthWire.loadJson(exit.value) } satisfies HealthWire.Readiness)
      : json(503, { status: "unready", ...about } satisfies HealthWire.Readiness)
  })

/** The routes. */
export const healthRoutes: ReadonlyArray<Route> = [
  get("/health", "none", "Health of the server and of its store.", health),
  get("/health/live", "none", "Liveness: answers while the process runs.", live),
  get(
    READY,
    "none",
    "Readiness: whether the store answers, with waiting steps, workers, and steps that no worker can run.",
    ready
  )
]
