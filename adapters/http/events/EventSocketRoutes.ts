/** The route of events over a WebSocket. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { BadRequest } from "../server/Failures.ts"
import { type Credentials, showsSomething } from "../server/HttpVisitor.ts"
import type { HttpReply, Socket, SocketListener } from "../server/Message.ts"
import { type Call, type Route, stream } from "../server/Route.ts"
import { CLOSE, closing, EventSocket } from "./EventSocket.ts"

const NO_UPGRADE = new BadRequest(
  426,
  "UpgradeRequiredError",
  "This path speaks WebSocket; connect with a client of that",
  {
    headers: { upgrade: "websocket" }
  }
)

/** Nobody hears a connection that is refused at once. */
const NOBODY: SocketListener = { message: () => undefined, closed: () => undefined }

const accepted = (call: Call): Effect.Effect<HttpReply> => {
  const { operations, serving } = call
  const enter = (shown?: Credentials) => serving.enter(call, KEY, shown)
  return Effect.map(Effect.exit(enter()), (exit) => {
    const isUnknown =
      Exit.isFailure(exit) && !showsSomething(call.request) && closing(exit)[0] === CLOSE.unauthenticated
    // Browsers are told why they are not let in only by a connection that is closed.
    const accept = (socket: Socket): SocketListener => {
      const refuse = (code: number, reason: string): SocketListener => {
        socket.close(code, reason)
        return NOBODY
      }
      if (Exit.isFailure(exit) && !isUnknown) return refuse(...closing(exit))
      let connection: EventSocket | undefined
      const end = () => connection?.close(CLOSE.goingAway, "The server is shutting down")
      const open = () => serving.streams.open(end)
      const caller = Exit.isSuccess(exit) ? exit.value : undefined
      const freed = caller === undefined ? serving.streams.openUnproven(end, serving.ownerOf(call.request)) : open()
      if (typeof freed !== "function") return refuse(CLOSE.tryLater, freed.message)
      connection = new EventSocket(socket, { ...serving, operations, enter, open }, caller, freed)
      return connection
    }
    return { status: 101, headers: {}, body: undefined, accept }
  })
}

/** The route. Who that is may be said once it is connected, so nobody is asked before. */
const route: Route = {
  ...stream("/ws", "read", "Events over a WebSocket.", (call) =>
    call.request.header("upgrade")?.toLowerCase() === "websocket" ? accepted(call) : Effect.fail(NO_UPGRADE)
  ),
  permission: "none"
}

const KEY = route.key

/** The routes. */
export const eventSocketRoutes: ReadonlyArray<Route> = [route]
