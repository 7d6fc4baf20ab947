/** The table of routes: the only place that knows a path. Bindings, documents and tests all read it. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import { toDot } from "../../core/Dot.ts"
import type { Operations } from "../../core/Operations.ts"
import { fromJson } from "../../core/Parameters.ts"
import type { Any as Pipeline } from "../../core/Pipeline.ts"
import type { Caller, Permission } from "../../core/Principal.ts"
import type { Registered } from "../../core/Registry.ts"
import * as Results from "../../core/Results.ts"
import * as Run from "../../core/Run.ts"
import * as Body from "./Body.ts"
import type { Failure } from "./Failures.ts"
import { type HttpReply, json, jsonText, text } from "./Message.ts"
import * as Wire from "./Wire.ts"

/** What a route answers from. */
export interface Call {
  readonly operations: Operations
  readonly caller: Caller
  /** The values of the path's `{names}`, unescaped. */
  readonly params: Readonly<Record<string, string>>
  readonly query: string
  /** Parsed JSON; an empty object for routes without a body. */
  readonly body: unknown
  readonly nowMillis: number
}

/** One row of the table. */
export interface Route {
  readonly method: "GET" | "POST"
  /** Segments in braces match any one segment. */
  readonly path: string
  /** What the caller must be allowed; the operation asks for it. */
  readonly permission: Permission | "none"
  /** One sentence for the API's documentation. */
  readonly summary: string
  readonly hasBody: boolean
  readonly answer: (call: Call) => Effect.Effect<HttpReply, Failure>
}

const get = (path: string, permission: Route["permission"], summary: string, answer: Route["answer"]): Route => ({
  method: "GET",
  path,
  permission,
  summary,
  hasBody: false,
  answer
})

const post = (path: string, permission: Route["permission"], summary: string, answer: Route["answer"]): Route => ({
  method: "POST",
  path,
  permission,
  summary,
  hasBody: true,
  answer
})

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

/** Every route of the API, without the prefixes under which they answer too. */
export const routes: ReadonlyArray<Route> = [
  get("/health", "none", "Whether the server and its store work.", ({ operations, nowMillis }) =>
    operations.ping.pipe(
      Effect.timeout(HEALTH_MILLIS),
      Effect.exit,
      Effect.map((exit) => health(Exit.isSuccess(exit), nowMillis))
    )
  ),
  get("/pipelines", "read", "The pipelines that the caller may read.", ({ operations, caller }) =>
    Effect.map(operations.pipelines(caller), (rows) => json(200, rows.map(Wire.pipelineRow)))
  ),
  get("/pipelines/result/{task_id}", "read", "The result of a run.", ({ operations, caller, params }) =>
    Effect.flatMap(operations.run(caller, params["task_id"]!), ({ run }) =>
      Run.isTerminal(run.status)
        ? Effect.map(operations.wait(caller, run.id), (ran) => completed(ran.pipeline, ran.run))
        : Effect.succeed(json(202, { task_id: run.id, status: run.status }))
    )
  ),
  post("/pipelines/{pipeline_id}", "admin", "Registers a pipeline from tasks that the program offers.", (call) =>
    Effect.flatMap(Effect.fromResult(Body.definition(call.params["pipeline_id"]!, call.body)), (definition) =>
      Effect.map(call.operations.register(call.caller, definition), (row) => json(201, Wire.pipelineRow(row)))
    )
  ),
  get(
    "/pipelines/{pipeline_id}/status",
    "read",
    "Where the pipeline's latest run is.",
    ({ operations, caller, params }) =>
      Effect.flatMap(operations.pipeline(caller, params["pipeline_id"]!), ({ pipeline }) =>
        Effect.map(operations.latest(caller, pipeline.id), (run) => json(200, Wire.pipelineStatus(pipeline, run)))
      )
  ),
  view("/pipelines/{pipeline_id}/dag", "The graph as nodes and edges.", (pipeline) => json(200, Wire.dag(pipeline))),
  view("/pipelines/{pipeline_id}/dag/dot", "The graph as Graphviz DOT.", (pipeline) =>
    text(200, "text/vnd.graphviz; charset=utf-8", toDot(pipeline.id, pipeline.dag))
  ),
  view("/pipelines/{pipeline_id}/visualize", "Tasks and execution levels for people.", (pipeline) =>
    json(200, Wire.visualization(pipeline))
  ),
  post("/pipelines/{pipeline_id}/execute", "execute", "Starts a run, and waits for it when asked to.", (call) => {
    const { operations, caller, params } = call
    const asked = Body.execution(call.body, call.query)
    if (Result.isFailure(asked)) return Effect.fail(asked.failure)
    const { parameters, wait, timeoutMillis } = asked.success
    const starting = operations.start(caller, params["pipeline_id"]!, fromJson(parameters))
    if (!wait)
      return Effect.map(starting, (task_id) => json(202, { task_id, status: "STARTED" } satisfies Wire.Started))
    return Effect.flatMap(starting, (runId) =>
      Effect.map(operations.wait(caller, runId, timeoutMillis), ({ pipeline, run }) => completed(pipeline, run))
    )
  })
]

const HEALTH_MILLIS = 2_000

const completed = (pipeline: Pipeline, run: Run.Run): HttpReply =>
  jsonText(200, Wire.completed(run.id, Results.toJson(pipeline, run)))

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
