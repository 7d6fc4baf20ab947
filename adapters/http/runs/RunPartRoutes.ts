/** The routes about parts of a run: one value, the items and the attempts of a step. */
import * as Effect from "effect/Effect"
import { json, jsonText } from "../server/Message.ts"
import { get, type Route, read } from "../server/Route.ts"
import { toAttemptsRequest, toItemsRequest, toRetriedFrom } from "./RunPartRequests.ts"
import * as RunPartWire from "./RunPartWire.ts"

/** The routes. */
export const runPartRoutes: ReadonlyArray<Route> = [
  get("/runs/{task_id}/values/{name}", "read", "One value of a run.", ({ operations, caller, params }) =>
    Effect.map(operations.value(caller, params["task_id"]!, params["name"]!), (value) => jsonText(200, value))
  ),
  get("/runs/{task_id}/steps/{step}/items", "read", "The items of a step, as far as they are kept.", (call) => {
    const { operations, caller, params } = call
    const runId = params["task_id"]!
    return Effect.flatMap(read(call, toItemsRequest(call.request.query)), (request) =>
      Effect.flatMap(operations.items(caller, { ...request, runId, step: params["step"]! }), (list) =>
        Effect.map(operations.seesStacks(caller, list.pipelineId, runId), (seesStacks) =>
          jsonText(200, RunPartWire.items(list, request.isBare === true, seesStacks))
        )
      )
    )
  }),
  get("/runs/{task_id}/steps/{step}/attempts", "read", "The attempts of a step.", (call) => {
    const { operations, caller, params } = call
    const runId = params["task_id"]!
    return Effect.flatMap(read(call, toAttemptsRequest(call.request.query)), (request) =>
      Effect.flatMap(operations.attempts(caller, { ...request, runId, step: params["step"]! }), (list) =>
        Effect.map(operations.seesStacks(caller, list.pipelineId, runId), (seesStacks) =>
          json(200, RunPartWire.attempts(list, seesStacks))
        )
      )
    )
  }),
  get("/runs/{task_id}/retry", "read", "The steps that a retry would run.", (call) => {
    const { operations, caller, params } = call
    return Effect.flatMap(read(call, toRetriedFrom(call.request.query)), (from) =>
      Effect.map(operations.retriedSteps(caller, params["task_id"]!, from), (steps) =>
        json(200, { steps } satisfies RunPartWire.RetriedSteps)
      )
    )
  })
]
