/** The route about workers. */
import * as Effect from "effect/Effect"
import { json } from "../server/Message.ts"
import { pageOf } from "../server/Paging.ts"
import { about, get, type Route, read } from "../server/Route.ts"
import { toWorkersPage } from "./WorkerRequests.ts"
import * as WorkerWire from "./WorkerWire.ts"

/** The routes. */
export const workerRoutes: ReadonlyArray<Route> = [
  about(
    "list",
    get("/workers", "read", "The workers, and the steps that each runs.", (call) =>
      Effect.flatMap(read(call, toWorkersPage(call.request.query)), (page) =>
        Effect.map(call.operations.workers(call.caller), (all) => {
          const { items, nextCursor } = pageOf(all, page)
          return json(200, WorkerWire.workers(items, nextCursor))
        })
      )
    )
  )
]
