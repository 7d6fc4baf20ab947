/** Listens with an Elysia app on Bun, Deno or Node. */
import type { Server } from "node:http"
import type { AddressInfo } from "node:net"
import type { AnyElysia, ElysiaConfig } from "elysia"
import { refuseHost } from "../http/server/Fetch.ts"
import { type ListenOptions, urlOf } from "../http/server/ListenAddress.ts"
import type { Handler } from "../http/server/Message.ts"
import { type DenoInfo, denoInfos } from "./Answer.ts"

/** A listening app. */
export interface Listening<App> {
  /** `http://host:port`. */
  readonly url: string
  readonly app: App
  /** Accepts no new connections. Resolves when the last one is closed. `closed` resolves when every answer is known. */
  readonly stop: (closed: Promise<void>) => Promise<void>
  /** Closes the remaining connections, or stops waiting for them. */
  readonly closeNow: () => void
}

type Make<App> = (config: Pick<ElysiaConfig<"">, "adapter">) => App

type Listener = <App extends AnyElysia>(
  make: Make<App>,
  port: number,
  host: string,
  handler: Handler
) => Promise<Listening<App>>

/** Makes an app and listens with it. Rejects if the port is in use. */
export const listen = <App extends AnyElysia>(
  make: Make<App>,
  { port, host }: Required<ListenOptions>,
  handler: Handler
): Promise<Listening<App>> => {
  const listener = "Bun" in globalThis ? onBun : "Deno" in globalThis ? onDeno : onNode
  return listener(make, port, host, handler)
}

/** Calls `listen`. Returns a function that removes the `beforeExit` listeners which Elysia adds and never removes. */
const withoutExitListeners = (listen: () => void): (() => void) => {
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
    // By default Elysia shares a port that another process uses.
    reusePort: false,
    // 255 s is Bun's longest idle timeout. It does not apply to clients that wait for a run; see `Answer.ts`.
    idleTimeout: 255,
    // The API has its own limit, with its own error.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER
  }
  const removeListeners = withoutExitListeners(() => app.listen(settings))
  const server = app.server!
  return {
    url: urlOf(hostname, server.port!),
    app,
    stop: async () => {
      removeListeners()
      await server.stop(false)
    },
    closeNow: () => void server.stop(true)
  }
}

/** The part of `Deno` that this file uses. Its types come only with the runtime. */
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
  const abandoned = Promise.withResolvers<void>()
  return {
    url: urlOf(hostname, server.addr.port),
    app,
    // Waits for the answers first: Deno's shutdown drops half-received requests. New requests get 503 meanwhile.
    stop: (closed) => closed.then(() => Promise.race([server.shutdown(), abandoned.promise])),
    // Aborting a server that is shutting down makes Deno throw an error that cannot be caught.
    closeNow: () => abandoned.resolve()
  }
}

/** The part of the server of `@elysiajs/node` that this file uses. */
interface ElysiaServer {
  readonly serveOptions: { host: string }
  readonly serve: () => Promise<unknown>
  readonly node: { readonly server: Server }
}

/** How long a client may take to send its headers, and the whole request, in milliseconds. */
const HEADERS_MILLIS = 15_000
const REQUEST_MILLIS = 60_000

/** How often idle connections are closed while the server stops, in milliseconds. */
const SWEEP_MILLIS = 20

const onNode: Listener = async (make, port, host, handler) => {
  const { node } = await import("@elysiajs/node")
  const { takeSockets } = await import("../node/NodeServer.ts")
  const app = make({ adapter: node() })
  const settings = {
    port,
    reusePort: false,
    // The program handles signals itself.
    gracefulShutdown: false,
    node: { headersTimeout: HEADERS_MILLIS, requestTimeout: REQUEST_MILLIS },
    // `manual`, because Elysia does not wait until the server listens, hides its errors, and accepts no IPv6 address.
    manual: true,
    hostname: "localhost"
  }
  const made = Promise.withResolvers<ElysiaServer>()
  const removeListeners = withoutExitListeners(() =>
    app.listen(settings as object, (server) => made.resolve((server as unknown as { readonly raw: ElysiaServer }).raw))
  )
  const listening = await made.promise
  listening.serveOptions.host = host
  try {
    await listening.serve()
  } catch (error) {
    removeListeners()
    throw error
  }
  const { server } = listening.node
  // Elysia's own listener would take every WebSocket request, although its app has no WebSocket routes.
  server.removeAllListeners("upgrade")
  const sockets = takeSockets(server, handler)
  return {
    url: urlOf(host, (server.address() as AddressInfo).port),
    app,
    stop: () =>
      new Promise((resolve) => {
        removeListeners()
        const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MILLIS)
        server.close(() => {
          clearInterval(sweep)
          resolve()
        })
      }),
    closeNow: () => {
      server.closeAllConnections()
      sockets.cut()
    }
  }
}
