/** The routes about many runs at once. */
import * as Effect from "effect/Effect"
import { json } from "../server/Message.ts"
import { about, post, type Route, read } from "../server/Route.ts"
import { toCancellations, toRetries } from "./BulkRequests.ts"
import * as BulkWire from "./BulkWire.ts"

/** The routes. */
export const bulkRoutes: ReadonlyArray<Route> = [
  about(
    "list",
    post("/runs/retry", "execute", "Retries many runs: those with these ids, or those of a list.", (call) =>
      Effect.flatMap(read(call, toRetries(call.body)), (selection) =>
        Effect.map(call.operations.retryMany(call.caller, selection), (members) =>
          json(202, BulkWire.manyRetried(members))
        )
      )
    )
  ),
  about(
    "list",
    post("/runs/cancel", "execute", "Cancels many runs: those with these ids, or those of a list.", (call) =>
      Effect.flatMap(read(call, toCancellations(call.body)), ({ selection, reason }) =>
        Effect.map(call.operations.cancelMany(call.caller, selection, reason), (members) =>
          json(202, BulkWire.manyCancelled(members))
        )
      )
    )
  )
]
