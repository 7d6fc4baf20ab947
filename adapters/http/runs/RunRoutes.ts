/** The routes about runs. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Results from "../../../core/run/Results.ts"
import type * as Run from "../../../core/run/Run.ts"
import { type HttpReply, json, jsonText, NO_CONTENT } from "../server/Message.ts"
import { about, get, post, type Route, read, remove } from "../server/Route.ts"
import * as EntityTag from "../transfer/EntityTag.ts"
import { toCancellation, toListRequest, toRepeatedSteps, toRunQuery } from "./RunRequests.ts"
import { runDetail } from "./RunSchemas.ts"
import * as RunWire from "./RunWire.ts"

/** The answer with a run's result. */
export const completed = (run: Run.Run): HttpReply => jsonText(200, RunWire.completed(run.id, Results.toJson(run)))

/**
 * The entity tag of a run: only events change it, and whether it has stacks. The format is part of it, because caches outlive
 * versions of the program.
 */
const tagOf = ({ sequence }: Run.Summary, seesStacks: boolean): string => {
  format ??= EntityTag.hash(JSON.stringify(Schema.toJsonSchemaDocument(runDetail)))
  return seesStacks ? `${format}-${sequence}-stacks` : `${format}-${sequence}`
}
let format: string | undefined

/** The routes. */
export const runRoutes: ReadonlyArray<Route> = [
  get("/pipelines/result/{task_id}", "read", "The result of a run.", ({ operations, caller, params }) =>
    operations.wait(caller, params["task_id"]!, 0).pipe(
      Effect.map(completed),
      Effect.catchTag("WaitTimedOut", ({ runId, status }) => Effect.succeed(json(202, { task_id: runId, status })))
    )
  ),
  about(
    "list",
    get("/runs", "read", "The runs that the caller may read, newest first.", (call) =>
      Effect.flatMap(read(call, toListRequest(call.request.query)), (request) =>
        Effect.map(call.operations.runs(call.caller, request), (list) => json(200, RunWire.runs(list)))
      )
    )
  ),
  get("/runs/{task_id}", "read", "A run, with its steps, parameters and outputs.", (call) => {
    const { operations, caller, params, request } = call
    const runId = params["task_id"]!
    const seesStacks = ({ pipelineId }: Run.Summary) => operations.seesStacks(caller, pipelineId, runId)
    return Effect.flatMap(read(call, toRunQuery(request.query)), ({ values = true }) =>
      values
        ? Effect.flatMap(operations.run(caller, runId), (run) =>
            Effect.map(seesStacks(run), (stacks) =>
              EntityTag.tagged(request, tagOf(run, stacks), () => jsonText(200, RunWire.runDetail(run, stacks)))
            )
          )
        : Effect.flatMap(operations.outline(caller, runId), (run) =>
            Effect.map(seesStacks(run), (stacks) =>
              EntityTag.tagged(request, `${tagOf(run, stacks)}-bare`, () => json(200, RunWire.runOutline(run, stacks)))
            )
          )
    )
  }),
  get("/runs/{task_id}/logs", "read", "The log lines of a run's tasks.", ({ operations, caller, params }) => {
    const runId = params["task_id"]!
    return Effect.map(operations.lines(caller, runId), (lines) => json(200, RunWire.logs(runId, lines)))
  }),
  post("/runs/{task_id}/cancel", "execute", "Cancels a run, or one step of it.", (call) => {
    const { operations, caller, params } = call
    const runId = params["task_id"]!
    return Effect.flatMap(read(call, toCancellation(call.body)), ({ step, reason }) =>
      Effect.map(
        step === undefined
          ? operations.cancel(caller, runId, reason)
          : operations.cancelStep(caller, runId, step, reason),
        ({ status }) => json(202, { task_id: runId, status } satisfies RunWire.Cancelling)
      )
    )
  }),
  post(
    "/runs/{task_id}/retry",
    "execute",
    "Starts a new run that keeps the completed steps of this run and runs the others.",
    (call) =>
      Effect.flatMap(read(call, toRepeatedSteps(call.body)), (from) =>
        Effect.map(call.operations.retry(call.caller, call.params["task_id"]!, from), (task_id) =>
          json(202, { task_id, status: "STARTED" } satisfies RunWire.Started)
        )
      )
  ),
  remove("/runs/{task_id}", "admin", "Deletes a finished run.", ({ operations, caller, params }) =>
    Effect.as(operations.remove(caller, params["task_id"]!), NO_CONTENT)
  )
]
