/** The route about the open streams of this server. */
import * as Effect from "effect/Effect"
import { json } from "../server/Message.ts"
import { about, get, type Route } from "../server/Route.ts"
import { listeners } from "./ListenerWire.ts"

/** The routes. */
export const listenerRoutes: ReadonlyArray<Route> = [
  about(
    "all",
    get(
      "/listeners",
      "admin",
      "The open event streams and WebSockets of this server, the latest first.",
      ({ operations, caller, server }) =>
        Effect.map(operations.administer(caller), (isVisible) =>
          json(200, listeners(server.streams.listeners, isVisible))
        )
    )
  )
]
