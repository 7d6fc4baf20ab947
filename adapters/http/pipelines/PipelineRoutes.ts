/** The routes about pipelines, and the start of their runs. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type { Any as Pipeline } from "../../../core/pipeline/Pipeline.ts"
import type { Registered } from "../../../core/registry/Registry.ts"
import { toDot } from "../../../core/render/Dot.ts"
import { toWindowMillis } from "../health/StatisticsRequests.ts"
import { statistics } from "../health/StatisticsWire.ts"
import { toExecution } from "../runs/ExecutionRequest.ts"
import { completed } from "../runs/RunRoutes.ts"
import type * as RunWire from "../runs/RunWire.ts"
import { type HttpReply, json, NO_CONTENT, text } from "../server/Message.ts"
import { type Part, part, partOf } from "../server/Paging.ts"
import { about, act, type Call, get, post, type Route, read, refused, remove } from "../server/Route.ts"
import { toDefinition } from "./PipelineRequests.ts"
import * as PipelineWire from "./PipelineWire.ts"

/** A route whose answer depends on nothing but the pipeline, which never changes: made once for each. */
const view = (path: string, summary: string, render: (pipeline: Pipeline) => HttpReply): Route => {
  const made = new WeakMap<Pipeline, Exit.Exit<HttpReply>>()
  return get(path, "read", summary, ({ operations, caller, params }) => {
    const found = operations.pipeline(caller, params["pipeline_id"]!)
    const respond = ({ pipeline }: { readonly pipeline: Pipeline }): Exit.Exit<HttpReply> => {
      let reply = made.get(pipeline)
      if (reply === undefined) {
        reply = Exit.succeed(render(pipeline))
        made.set(pipeline, reply)
      }
      return reply
    }
    // A catalogue in memory has its answer at once: no fiber has to be started for it.
    return Exit.isExit(found) && Exit.isSuccess(found)
      ? respond(found.value as Registered)
      : Effect.flatMap(found, respond)
  })
}

/** A route that pauses a pipeline, or resumes it. */
const pausing = (verb: "pause" | "resume", summary: string): Route =>
  act(`/pipelines/{pipeline_id}/${verb}`, "admin", summary, ({ operations, caller, params }) => {
    const pipelineId = params["pipeline_id"]!
    return Effect.as(
      operations[verb](caller, pipelineId),
      json(200, { pipeline_id: pipelineId, paused: verb === "pause" } satisfies PipelineWire.Paused)
    )
  })

/** Where an array goes on, which has no place for that in it. Source: RFC 8288, 3. */
const next = (
  { request: { path, prefix = "" } }: Call,
  { limit }: Part,
  cursor: string | null
): Readonly<Record<string, string>> =>
  cursor === null ? {} : { link: `<${prefix}${path}?limit=${limit}&cursor=${cursor}>; rel="next"` }

/** The routes. */
export const pipelineRoutes: ReadonlyArray<Route> = [
  about(
    "list",
    get("/pipelines", "read", "The pipelines that the caller may read; all of them unless `limit` is set.", (call) =>
      Effect.flatMap(read(call, part(call.request.query, Number.MAX_SAFE_INTEGER)), (wanted) =>
        Effect.map(call.operations.pipelines(call.caller), (all) => {
          const { items, nextCursor } = partOf(all, wanted)
          return json(200, items.map(PipelineWire.pipelineRow), next(call, wanted, nextCursor))
        })
      )
    )
  ),
  get("/pipelines/{pipeline_id}", "read", "A pipeline, with the schemas of what goes in and out.", (call) => {
    const { operations, caller, params } = call
    return Effect.map(operations.pausable(caller, params["pipeline_id"]!), (pausable) =>
      json(200, PipelineWire.pipelineDetail(pausable, pausable.paused))
    )
  }),
  about(
    "new",
    post("/pipelines/{pipeline_id}", "admin", "Registers a pipeline from tasks that the program offers.", (call) =>
      Effect.flatMap(read(call, toDefinition(call.params["pipeline_id"]!, call.body)), (definition) =>
        Effect.map(call.operations.register(call.caller, definition), (row) => json(201, PipelineWire.pipelineRow(row)))
      )
    )
  ),
  remove("/pipelines/{pipeline_id}", "admin", "Forgets a pipeline that was registered so.", (call) =>
    Effect.as(call.operations.unregister(call.caller, call.params["pipeline_id"]!), NO_CONTENT)
  ),
  pausing("pause", "Starts no step of the pipeline any more; what runs goes on."),
  pausing("resume", "Starts steps of the pipeline again."),
  get(
    "/pipelines/{pipeline_id}/status",
    "read",
    "Where the pipeline's latest run is.",
    ({ operations, caller, params }) =>
      Effect.map(operations.latest(caller, params["pipeline_id"]!), ({ pipeline, run }) =>
        json(200, PipelineWire.pipelineStatus(pipeline, run))
      )
  ),
  get("/pipelines/{pipeline_id}/statistics", "read", "How the pipeline's runs went of late, in numbers.", (call) => {
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
    text(200, "text/vnd.graphviz; charset=utf-8", toDot(pipeline.id, pipeline.dag))
  ),
  view("/pipelines/{pipeline_id}/visualize", "Tasks and execution levels for people.", (pipeline) =>
    json(200, PipelineWire.visualization(pipeline))
  ),
  post("/pipelines/{pipeline_id}/execute", "execute", "Starts a run, and waits for it when asked to.", (call) => {
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
  })
]
