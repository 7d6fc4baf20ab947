/** The table of all routes. Server bindings, the OpenAPI document and tests read it. */
import * as Effect from "effect/Effect"
import { accessRoutes } from "./access/AccessRoutes.ts"
import { docsRoutes } from "./docs/DocsRoutes.ts"
import { eventRoutes } from "./events/EventRoutes.ts"
import { eventSocketRoutes } from "./events/EventSocketRoutes.ts"
import { listenerRoutes } from "./events/ListenerRoutes.ts"
import { healthRoutes } from "./health/HealthRoutes.ts"
import { metricsRoutes } from "./health/MetricsRoutes.ts"
import { seriesRoutes } from "./health/SeriesRoutes.ts"
import { workerRoutes } from "./health/WorkerRoutes.ts"
import { dashboardRoutes, rootRoute } from "./pages/DashboardRoutes.ts"
import { pictureRoutes } from "./pipelines/PictureRoutes.ts"
import { pipelineRoutes } from "./pipelines/PipelineRoutes.ts"
import { bulkRoutes } from "./runs/BulkRoutes.ts"
import { runPartRoutes } from "./runs/RunPartRoutes.ts"
import { runRoutes } from "./runs/RunRoutes.ts"
import { scheduleRoutes } from "./schedules/ScheduleRoutes.ts"
import type { Route } from "./server/Route.ts"

/** Every route of the API, without prefixes. */
export const routes: ReadonlyArray<Route> = [
  ...healthRoutes,
  ...pipelineRoutes,
  ...seriesRoutes,
  ...pictureRoutes,
  ...runRoutes,
  ...bulkRoutes,
  ...runPartRoutes,
  ...eventRoutes,
  ...eventSocketRoutes,
  ...scheduleRoutes,
  ...accessRoutes,
  ...listenerRoutes,
  ...workerRoutes,
  ...metricsRoutes,
  ...docsRoutes,
  ...dashboardRoutes,
  rootRoute
]

/**
 * The routes that the options ask for. The public routes for documentation or metrics need the permission `read` if the
 * options say so.
 */
export const routesFor = (which: {
  readonly guardDocs?: boolean
  readonly guardMetrics?: boolean
  readonly dashboard?: boolean
}): ReadonlyArray<Route> =>
  routes
    .filter((route) => which.dashboard !== false || !dashboardRoutes.includes(route))
    .map((route) =>
      (which.guardMetrics === true && metricsRoutes.includes(route)) ||
      (which.guardDocs === true && docsRoutes.includes(route))
        ? requiringRead(route)
        : route
    )

/** Makes a public route need the permission `read` on some pipeline. */
const requiringRead = (route: Route): Route => ({
  ...route,
  permission: "read",
  answer: (call) => Effect.andThen(call.operations.pipelines(call.caller), route.answer(call))
})
