/** Listening with an Elysia app, on whatever runtime this is. */
import type { Server } from "node:http"
import type { AddressInfo } from "node:net"
import type { AnyElysia, ElysiaConfig } from "elysia"
import { refuseHost } from "../http/server/Fetch.ts"
import { type ListenOptions, urlOf } from "../http/server/ListenAddress.ts"
import type { Handler } from "../http/server/Message.ts"
import { type DenoInfo, denoInfos } from "./Answer.ts"

/** An app that listens. */
export interface Listening<App> {
  /** `http://host:port`. */
  readonly url: string
  readonly app: App
  /** Takes no new connection, and gives back once the last one is closed. `closed`: when every answer is known. */
  readonly stop: (closed: Promise<void>) => Promise<void>
  /** Closes what is left, or gives up on it. */
  readonly cut: () => void
}

type Make<App> = (config: Pick<ElysiaConfig<"">, "adapter">) => App

type Listener = <App extends AnyElysia>(
  make: Make<App>,
  port: number,
  host: string,
  handler: Handler
) => Promise<Listening<App>>

/** Makes an app and listens with it. Rejects when the port is taken. */
export const listen = <App extends AnyElysia>(
  make: Make<App>,
  { port, host }: Required<ListenOptions>,
  handler: Handler
): Promise<Listening<App>> => {
  const listener = "Bun" in globalThis ? onBun : "Deno" in globalThis ? onDeno : onNode
  return listener(make, port, host, handler)
}

/** Lets Elysia listen. Gives what takes away the listeners for the end of the process that it would leave behind. */
const leavingNothing = (listen: () => void): (() => void) => {
  const before = process.listeners("beforeExit")
  listen()
  const added = process.listeners("beforeExit").filter((listener) => !before.includes(listener))
  return () => {
    for (const listener of added) process.off("beforeExit", listener)
  }
}

const onBun: Listener = async (make, port, hostname) => {
  const app = make({})
  const settings = {
    port,
    hostname,
    // Elysia shares a port that is taken unless told otherwise.
    reusePort: false,
    // At most 255 s of quiet can be set; who waits for a run is spared, see `answer`.
    idleTimeout: 255,
    // The API has its own limit, and its own words for it.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER
  }
  const leave = leavingNothing(() => app.listen(settings))
  const server = app.server!
  return {
    url: urlOf(hostname, server.port!),
    app,
    stop: async () => {
      leave()
      await server.stop(false)
    },
    cut: () => void server.stop(true)
  }
}

/** What this uses of `Deno`. Its types come with the runtime and are on no registry that every user has. */
interface DenoServe {
  readonly serve: (
    options: { readonly port: number; readonly hostname: string; readonly onListen: () => void },
    handler: (request: Request, info: DenoInfo) => Response | Promise<Response>
  ) => { readonly addr: { readonly port: number }; readonly shutdown: () => Promise<void> }
}

const onDeno: Listener = async (make, port, hostname) => {
  const { Deno } = globalThis as unknown as { readonly Deno: DenoServe }
  const app = make({})
  const { fetch } = app
  const server = Deno.serve({ port, hostname, onListen: () => undefined }, (request, info) => {
    denoInfos.set(request, info)
    return refuseHost(request) ?? fetch(request)
  })
  const givenUp = Promise.withResolvers<void>()
  return {
    url: urlOf(hostname, server.addr.port),
    app,
    // Not before: Deno's shutdown takes the rest of half-sent requests away. What comes meanwhile is answered with 503.
    stop: (closed) => closed.then(() => Promise.race([server.shutdown(), givenUp.promise])),
    // A server that is shutting down can't be aborted any more: Deno would throw where nobody can catch.
    cut: () => givenUp.resolve()
  }
}

/** What this uses of the server behind `@elysiajs/node`. */
interface ElysiaServer {
  readonly serveOptions: { host: string }
  readonly serve: () => Promise<unknown>
  readonly node: { readonly server: Server }
}

/** How long a client may take to send its headers, and the whole request, in milliseconds. */
const HEADERS_MILLIS = 15_000
const REQUEST_MILLIS = 60_000

/** How often connections are looked for that have become idle while the server stops, in milliseconds. */
const SWEEP_MILLIS = 20

const onNode: Listener = async (make, port, host, handler) => {
  const { node } = await import("@elysiajs/node")
  const { takeSockets } = await import("../node/NodeServer.ts")
  const app = make({ adapter: node() })
  const settings = {
    port,
    reusePort: false,
    // Signals are for the program to handle.
    gracefulShutdown: false,
    node: { headersTimeout: HEADERS_MILLIS, requestTimeout: REQUEST_MILLIS },
    // Elysia would not wait until it listens, could not tell that it does not, and takes no IPv6 address for a host.
    manual: true,
    hostname: "localhost"
  }
  const made = Promise.withResolvers<ElysiaServer>()
  const leave = leavingNothing(() =>
    app.listen(settings as object, (server) => made.resolve((server as unknown as { readonly raw: ElysiaServer }).raw))
  )
  const listening = await made.promise
  listening.serveOptions.host = host
  try {
    await listening.serve()
  } catch (error) {
    leave()
    throw error
  }
  const { server } = listening.node
  // Elysia's own would take every WebSocket, and has none.
  server.removeAllListeners("upgrade")
  const sockets = takeSockets(server, handler)
  return {
    url: urlOf(host, (server.address() as AddressInfo).port),
    app,
    stop: () =>
      new Promise((resolve) => {
        leave()
        const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MILLIS)
        server.close(() => {
          clearInterval(sweep)
          resolve()
        })
      }),
    cut: () => {
      server.closeAllConnections()
      sockets.cut()
    }
  }
}
