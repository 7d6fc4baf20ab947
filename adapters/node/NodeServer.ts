/** The API on `node:http`, directly: no web `Request` or `Response` is made. */
import { createServer, type RequestListener, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import * as ListenAddress from "../http/server/ListenAddress.ts"
import { type Handler, type HttpReply, NO_SOCKETS } from "../http/server/Message.ts"
import type { Levada } from "../promise/Levada.ts"
import { NodeRequest, send } from "./NodeRequest.ts"
import { NodeSockets } from "./NodeSockets.ts"

export type { ListenOptions as Options } from "../http/server/ListenAddress.ts"

/** A server that listens. */
export interface Serving {
  /** `http://host:port`. */
  readonly url: string
  readonly server: Server
  /** Stops listening, closes the Levada, and lets every answer that was promised be sent. */
  readonly close: () => Promise<void>
}

/** How long a client may take to send its headers, and the whole request, in milliseconds. */
const HEADERS_MILLIS = 15_000
const REQUEST_MILLIS = 60_000

/** How often connections are looked for that have become idle while the server closes, in milliseconds. */
const SWEEP_MILLIS = 20

/** The API as a listener for a `node:http` or `node:https` server of your own. For WebSockets there, see `takeSockets`. */
export const toListener =
  (handler: Handler): RequestListener =>
  (incoming, outgoing) => {
    const respond = (reply: HttpReply) => send(incoming, outgoing, reply.accept === undefined ? reply : NO_SOCKETS)
    const reply = handler(new NodeRequest(incoming, outgoing))
    if (reply instanceof Promise) void reply.then(respond)
    else respond(reply)
  }

/** Has a server of your own take WebSockets for the API; every upgrade that is asked for is then the API's to answer. */
export const takeSockets = (server: Server, handler: Handler): NodeSockets => new NodeSockets(server, handler)

/** Serves a Levada. Rejects when the port is taken, and with `InvalidOption` for options that can't be used. */
export const serve = async (levada: Levada, options: ListenAddress.ListenOptions = {}): Promise<Serving> => {
  const { port, host } = await ListenAddress.resolve(levada, options)
  const server = createServer(
    { headersTimeout: HEADERS_MILLIS, requestTimeout: REQUEST_MILLIS },
    toListener(levada.handler)
  )
  const sockets = takeSockets(server, levada.handler)
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, host, () => {
      server.off("error", reject)
      resolve()
    })
  })
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeIdleConnections()
    await levada.close()
    // A connection becomes idle when its last answer is sent.
    const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MILLIS)
    const last = setTimeout(() => {
      server.closeAllConnections()
      sockets.cut()
    }, ListenAddress.LAST_MILLIS)
    await closed
    clearInterval(sweep)
    clearTimeout(last)
  }
  return {
    url: ListenAddress.urlOf(host, (server.address() as AddressInfo).port),
    server,
    close: () => {
      closing ??= close()
      return closing
    }
  }
}
