/** The route of events over a WebSocket. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { BadRequest } from "../server/Failures.ts"
import { type Credentials, hasCredentials } from "../server/HttpVisitor.ts"
import type { HttpReply, Socket, SocketListener } from "../server/Message.ts"
import { type Call, type Route, stream } from "../server/Route.ts"
import { CLOSE, closeReason, EventSocket } from "./EventSocket.ts"

const NO_UPGRADE = new BadRequest(426, "UpgradeRequiredError", "This path needs a WebSocket client", {
  headers: { upgrade: "websocket" }
})

/** The listener of a connection that is closed at once. */
const NO_LISTENER: SocketListener = { message: () => undefined, closed: () => undefined }

const logged = (defect: unknown): Effect.Effect<void> =>
  Effect.logError("The authentication of a WebSocket failed with an unexpected error", defect)

const accepted = (call: Call): Effect.Effect<HttpReply> => {
  const { operations, server } = call
  const enter = (credentials?: Credentials) => server.enter(call, KEY, credentials)
  return Effect.map(Effect.exit(Effect.tapDefect(enter(), logged)), (exit) => {
    const isAnonymous =
      Exit.isFailure(exit) && !hasCredentials(call.request) && closeReason(exit)[0] === CLOSE.unauthenticated
    // A browser can read the reason of a refusal only from a close frame, so the connection is accepted first.
    const accept = (socket: Socket): SocketListener => {
      const refuse = (code: number, reason: string): SocketListener => {
        socket.close(code, reason)
        return NO_LISTENER
      }
      if (Exit.isFailure(exit) && !isAnonymous) return refuse(...closeReason(exit))
      let connection: EventSocket | undefined
      const end = () => connection?.close(CLOSE.goingAway, "The server is shutting down")
      const open = () =>
        server.streams.open({
          kind: "websocket",
          path: route.path,
          openedAtMillis: call.nowMillis,
          get caller() {
            return connection?.caller
          },
          get subscriptions() {
            return connection?.subscriptions ?? []
          },
          get bufferedBytes() {
            return socket.buffered()
          },
          end
        })
      const caller = Exit.isSuccess(exit) ? exit.value : undefined
      const release =
        caller === undefined ? server.streams.openUnauthenticated(end, server.ownerOf(call.request)) : open()
      if (typeof release !== "function") return refuse(CLOSE.tryLater, release.message)
      connection = new EventSocket(socket, { ...server, operations, enter, open }, caller, release)
      return connection
    }
    return { status: 101, headers: {}, body: undefined, accept }
  })
}

/** The route. It needs no permission, because clients may authenticate in the first message. */
const route: Route = {
  ...stream("/ws", "read", "Events over a WebSocket.", (call) =>
    call.request.header("upgrade")?.toLowerCase() === "websocket" ? accepted(call) : Effect.fail(NO_UPGRADE)
  ),
  permission: "none"
}

const KEY = route.key

/** The routes. */
export const eventSocketRoutes: ReadonlyArray<Route> = [route]
