/** The routes that say how the server is, for those who watch over it. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { nobody } from "../../../core/values/Principal.ts"
import { instant } from "../server/Instant.ts"
import { type HttpReply, json } from "../server/Message.ts"
import { type Call, get, type Route } from "../server/Route.ts"
import * as HealthWire from "./HealthWire.ts"

const READY = "/health/ready"

/** How long a Store may take to answer before it counts as not answering, in milliseconds. */
const STORE_MILLIS = 2_000

/** What the process has in memory, where the runtime tells: Node, Bun and Deno all have it under this name. */
export const residentBytes = (): number | undefined => {
  const { process } = globalThis as { readonly process?: { readonly memoryUsage?: () => { readonly rss: number } } }
  return process?.memoryUsage?.().rss
}

const memory = (): { readonly memory_mb?: number } => {
  const bytes = residentBytes()
  return bytes === undefined ? {} : { memory_mb: Math.round(bytes / 104_857.6) / 10 }
}

/** In time, or not at all. */
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

/** Names only what the caller may read: everybody may ask. */
const ready = (call: Call): Effect.Effect<HttpReply> =>
  Effect.gen(function* () {
    const { operations, nowMillis, serving } = call
    const known = yield* inTime(serving.recognise(call, `GET ${READY}`))
    const caller = Exit.isSuccess(known) ? known.value : nobody
    const exit = yield* inTime(Effect.andThen(operations.ready, operations.load(caller)))
    const about = { timestamp: instant(nowMillis), ...memory() }
    return Exit.isSuccess(exit)
      ? json(200, { status: "ready", ...about, ...HealthWire.loadJson(exit.value) } satisfies HealthWire.Readiness)
      : json(503, { status: "unready", ...about } satisfies HealthWire.Readiness)
  })

/** The routes. */
export const healthRoutes: ReadonlyArray<Route> = [
  get("/health", "none", "Whether the server and its store work.", health),
  get("/health/live", "none", "Whether the process answers at all; if not, start it anew.", live),
  get(READY, "none", "Whether runs are taken: what waits, who is there to do it, and what no one can do.", ready)
]
