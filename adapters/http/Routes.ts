/** The table of routes: the only place that knows which there are. Bindings, documents and tests all read it. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { accessRoutes } from "./AccessRoutes.ts"
import { docsRoutes } from "./DocsRoutes.ts"
import { eventRoutes } from "./EventRoutes.ts"
import { eventSocketRoutes } from "./EventSocketRoutes.ts"
import { type HttpReply, json } from "./Message.ts"
import { pipelineRoutes } from "./PipelineRoutes.ts"
import { get, type Route } from "./Route.ts"
import { runRoutes } from "./RunRoutes.ts"
import { scheduleRoutes } from "./ScheduleRoutes.ts"
import * as Wire from "./Wire.ts"

/** How long a Store may take to answer before it counts as not answering, in milliseconds. */
const HEALTH_MILLIS = 2_000

const health = (connected: boolean, nowMillis: number): HttpReply => {
  const memory = residentMegabytes()
  return json(connected ? 200 : 503, {
    status: connected ? "healthy" : "unhealthy",
    timestamp: Wire.instant(nowMillis),
    broker_connected: connected,
    ...(memory !== undefined && { memory_mb: memory })
  } satisfies Wire.Health)
}

/** Node, Bun and Deno all have it under this name; elsewhere it stays out. */
const residentMegabytes = (): number | undefined => {
  const { process } = globalThis as { readonly process?: { readonly memoryUsage?: () => { readonly rss: number } } }
  const bytes = process?.memoryUsage?.().rss
  return bytes === undefined ? undefined : Math.round(bytes / 104_857.6) / 10
}

/** Every route of the API, without the prefixes under which they answer too. */
export const routes: ReadonlyArray<Route> = [
  get("/health", "none", "Whether the server and its store work.", ({ operations, nowMillis }) =>
    operations.ping.pipe(
      Effect.timeout(HEALTH_MILLIS),
      Effect.exit,
      Effect.map((exit) => health(Exit.isSuccess(exit), nowMillis))
    )
  ),
  ...pipelineRoutes,
  ...runRoutes,
  ...eventRoutes,
  ...eventSocketRoutes,
  ...scheduleRoutes,
  ...accessRoutes,
  ...docsRoutes(() => routes)
]
