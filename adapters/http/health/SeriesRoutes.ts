/** The routes of statistics over time. */
import * as Effect from "effect/Effect"
import type { Failure } from "../server/Failures.ts"
import { type HttpReply, json } from "../server/Message.ts"
import { about, type Call, get, type Route, read } from "../server/Route.ts"
import { toSeries } from "./StatisticsRequests.ts"
import * as StatisticsWire from "./StatisticsWire.ts"

/** Answers the series of the pipeline in the path, or of all pipelines that the caller may read. */
const series = (call: Call): Effect.Effect<HttpReply, Failure> =>
  Effect.flatMap(read(call, toSeries(call.request.query)), (request) =>
    Effect.map(call.operations.series(call.caller, { ...request, pipelineId: call.params["pipeline_id"] }), (of) =>
      json(200, StatisticsWire.series(of))
    )
  )

/** The routes. */
export const seriesRoutes: ReadonlyArray<Route> = [
  get("/pipelines/{pipeline_id}/statistics/series", "read", "The pipeline's finished runs over time.", series),
  about("list", get("/statistics/series", "read", "The finished runs of all readable pipelines over time.", series))
]
