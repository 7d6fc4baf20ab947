/** The API on `Bun.serve`. */
import * as Fetch from "../http/server/Fetch.ts"
import * as ListenAddress from "../http/server/ListenAddress.ts"
import * as Upgrades from "../http/server/Upgrades.ts"
import type { Levada } from "../promise/Levada.ts"

export type { ListenOptions as Options } from "../http/server/ListenAddress.ts"

/** The part of Bun's server that this binding uses. Its types come only with the runtime. */
export interface BunHttpServer {
  readonly url: URL
  readonly requestIP: (request: Request) => { readonly address: string } | null
  readonly timeout: (request: Request, seconds: number) => void
  readonly upgrade: Upgrades.BunUpgrades["upgrade"]
  readonly stop: (closeActiveConnections: boolean) => Promise<void>
}

interface BunServe {
  readonly serve: (options: {
    readonly port: number
    readonly hostname: string
    readonly idleTimeout: number
    readonly maxRequestBodySize: number
    readonly websocket: Upgrades.BunListener
    readonly fetch: (request: Request, server: BunHttpServer) => Response | Promise<Response>
  }) => BunHttpServer
}

/** A server that listens. */
export interface Serving {
  /** `http://host:port`. */
  readonly url: string
  readonly server: BunHttpServer
  /** Stops listening, closes the Levada, and sends the answers to accepted requests. */
  readonly close: () => Promise<void>
}

const platform: Fetch.Platform<BunHttpServer> = {
  upgrade: Upgrades.upgradeOnBun,
  address: (request, server) => server.requestIP(request)?.address,
  secure: Fetch.web.secure,
  onAbort: (request, server, stop) => {
    // A client that waits for a run is idle, possibly for longer than the longest timeout.
    server.timeout(request, 0)
    request.signal.addEventListener("abort", stop, { once: true })
  }
}

/** Serves a Levada. Rejects if the port is in use, and with `InvalidOption` for invalid options. */
export const serve = async (levada: Levada, options: ListenAddress.ListenOptions = {}): Promise<Serving> => {
  const { port, host } = await ListenAddress.resolve(levada, options)
  const { Bun } = globalThis as unknown as { readonly Bun: BunServe }
  const server = Bun.serve({
    port,
    hostname: host,
    // Bun's default of 10 s is short for a slow client; 255 s is its maximum.
    idleTimeout: 255,
    // The API has its own limit, with its own error.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    websocket: Upgrades.bunSockets,
    fetch: Fetch.toFetch(levada.handler, platform)
  })
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    const stopped = server.stop(false)
    await levada.close()
    const timer = setTimeout(() => void server.stop(true), ListenAddress.FLUSH_MILLIS)
    await stopped
    clearTimeout(timer)
  }
  return {
    url: server.url.origin,
    server,
    close: () => {
      closing ??= close()
      return closing
    }
  }
}
