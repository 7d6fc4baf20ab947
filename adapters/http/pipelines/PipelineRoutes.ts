/** The routes about pipelines, including the one that starts a run. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { toDot } from "../../../core/render/Dot.ts"
import { toWindowMillis } from "../health/StatisticsRequests.ts"
import { statistics } from "../health/StatisticsWire.ts"
import { toExecution } from "../runs/ExecutionRequest.ts"
import { completed } from "../runs/RunRoutes.ts"
import type * as RunWire from "../runs/RunWire.ts"
import { json, NO_CONTENT, text } from "../server/Message.ts"
import { type Page, pageOf, toPage } from "../server/Paging.ts"
import { about, act, type Call, get, post, type Route, read, refused, remove } from "../server/Route.ts"
import * as EntityTag from "../transfer/EntityTag.ts"
import { toDefinition } from "./PipelineRequests.ts"
import { view } from "./PipelineView.ts"
import * as PipelineWire from "./PipelineWire.ts"

/** A route that pauses or resumes a pipeline. */
const pauseRoute = (verb: "pause" | "resume", summary: string): Route =>
  act(`/pipelines/{pipeline_id}/${verb}`, "admin", summary, ({ operations, caller, params }) => {
    const pipelineId = params["pipeline_id"]!
    return Effect.as(
      operations[verb](caller, pipelineId),
      json(200, { pipeline_id: pipelineId, paused: verb === "pause" } satisfies PipelineWire.Paused)
    )
  })

/** The header with the link to the next page: the answer is an array and has no key for it. Source: RFC 8288, 3. */
const next = (
  { request: { path, prefix = "" } }: Call,
  { limit }: Page,
  cursor: string | null
): Readonly<Record<string, string>> =>
  cursor === null ? {} : { link: `<${prefix}${path}?limit=${limit}&cursor=${cursor}>; rel="next"` }

/** The routes. */
export const pipelineRoutes: ReadonlyArray<Route> = [
  about(
    "list",
    get("/pipelines", "read", "The pipelines that the caller may read; all of them without `limit`.", (call) =>
      Effect.flatMap(read(call, toPage(call.request.query, Number.MAX_SAFE_INTEGER)), (page) =>
        Effect.map(call.operations.pipelines(call.caller), (all) => {
          const { items, nextCursor } = pageOf(all, page)
          const reply = json(200, items.map(PipelineWire.pipelineRow), next(call, page, nextCursor))
          return EntityTag.byText(call.request, reply)
        })
      )
    )
  ),
  get(
    "/pipelines/{pipeline_id}",
    "read",
    "A pipeline, with the JSON Schemas of its parameters and of its result.",
    (call) => {
      const { operations, caller, params } = call
      return Effect.map(operations.pausable(caller, params["pipeline_id"]!), (pausable) =>
        EntityTag.byText(call.request, json(200, PipelineWire.pipelineDetail(pausable, pausable.paused)))
      )
    }
  ),
  about(
    "new",
    post("/pipelines/{pipeline_id}", "admin", "Registers a pipeline from tasks that the program offers.", (call) =>
      Effect.flatMap(read(call, toDefinition(call.params["pipeline_id"]!, call.body)), (definition) =>
        Effect.map(call.operations.register(call.caller, definition), (row) => json(201, PipelineWire.pipelineRow(row)))
      )
    )
  ),
  remove("/pipelines/{pipeline_id}", "admin", "Deletes a pipeline that was registered over HTTP.", (call) =>
    Effect.as(call.operations.unregister(call.caller, call.params["pipeline_id"]!), NO_CONTENT)
  ),
  pauseRoute("pause", "Pauses a pipeline: running steps go on, and no other step starts."),
  pauseRoute("resume", "Resumes a paused pipeline."),
  get(
    "/pipelines/{pipeline_id}/status",
    "read",
    "The progress of the pipeline's latest run.",
    ({ operations, caller, params }) =>
      Effect.map(operations.latest(caller, params["pipeline_id"]!), ({ pipeline, run }) =>
        json(200, PipelineWire.pipelineStatus(pipeline, run))
      )
  ),
  get("/pipelines/{pipeline_id}/statistics", "read", "Statistics of the pipeline's recent runs.", (call) => {
    const { operations, caller, params, nowMillis } = call
    const window = toWindowMillis(call.request.query)
    if (Result.isFailure(window)) return refused(call, window.failure)
    return Effect.map(operations.statistics(caller, params["pipeline_id"]!, window.success), (of) =>
      json(200, statistics(of, nowMillis))
    )
  }),
  view("/pipelines/{pipeline_id}/dag", "The graph as nodes and edges.", (pipeline) =>
    json(200, PipelineWire.dag(pipeline))
  ),
  view("/pipelines/{pipeline_id}/dag/dot", "The graph as Graphviz DOT.", (pipeline) =>
    text(200, "text/vnd.graphviz; charset=utf-8", toDot(pipeline))
  ),
  post(
    "/pipelines/{pipeline_id}/execute",
    "execute",
    "Starts a run; with `wait`, answers when it has finished.",
    (call) => {
      const { operations, caller, params } = call
      const execution = toExecution(call.body, call.request)
      if (Result.isFailure(execution)) return refused(call, execution.failure)
      const { given, options, wait, timeoutMillis } = execution.success
      const pipelineId = params["pipeline_id"]!
      return wait
        ? Effect.map(operations.execute(caller, pipelineId, given, options, timeoutMillis), completed)
        : Effect.map(operations.start(caller, pipelineId, given, options), (task_id) =>
            json(202, { task_id, status: "STARTED" } satisfies RunWire.Started)
          )
    }
  )
]
