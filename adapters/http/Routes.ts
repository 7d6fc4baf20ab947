/** The table of routes: the only place that knows which there are. Bindings, documents and tests all read it. */
import * as Effect from "effect/Effect"
import { accessRoutes } from "./access/AccessRoutes.ts"
import { docsRoutes } from "./docs/DocsRoutes.ts"
import { eventRoutes } from "./events/EventRoutes.ts"
import { eventSocketRoutes } from "./events/EventSocketRoutes.ts"
import { healthRoutes } from "./health/HealthRoutes.ts"
import { metricsRoutes } from "./health/MetricsRoutes.ts"
import { pipelineRoutes } from "./pipelines/PipelineRoutes.ts"
import { runRoutes } from "./runs/RunRoutes.ts"
import { scheduleRoutes } from "./schedules/ScheduleRoutes.ts"
import type { Route } from "./server/Route.ts"

/** Every route of the API, without the prefixes under which they answer too. */
export const routes: ReadonlyArray<Route> = [
  ...healthRoutes,
  ...pipelineRoutes,
  ...runRoutes,
  ...eventRoutes,
  ...eventSocketRoutes,
  ...scheduleRoutes,
  ...accessRoutes,
  ...metricsRoutes,
  ...docsRoutes
]

/** The routes, where some that are for everybody are not. */
export const guarded = (which: {
  readonly guardDocs?: boolean
  readonly guardMetrics?: boolean
}): ReadonlyArray<Route> =>
  routes.map((route) =>
    (which.guardMetrics === true && metricsRoutes.includes(route)) ||
    (which.guardDocs === true && docsRoutes.includes(route))
      ? asked(route)
      : route
  )

/** A route for everybody as one for those who may read something. */
const asked = (route: Route): Route => ({
  ...route,
  permission: "read",
  answer: (call) => Effect.andThen(call.operations.pipelines(call.caller), route.answer(call))
})
