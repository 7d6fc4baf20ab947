/** The API on `Bun.serve`. */
import * as Fetch from "../http/server/Fetch.ts"
import * as ListenAddress from "../http/server/ListenAddress.ts"
import * as Upgrades from "../http/server/Upgrades.ts"
import type { Levada } from "../promise/Levada.ts"

export type { ListenOptions as Options } from "../http/server/ListenAddress.ts"

/** What this binding uses of a server of Bun's. Its types come with the runtime, and not every user has them. */
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
  /** Stops listening, closes the Levada, and lets every answer that was promised be sent. */
  readonly close: () => Promise<void>
}

const platform: Fetch.Platform<BunHttpServer> = {
  upgrade: Upgrades.upgradeOnBun,
  address: (request, server) => server.requestIP(request)?.address,
  secure: Fetch.web.secure,
  onAbort: (request, server, stop) => {
    // Somebody who waits for a run is quiet, and may wait longer than the longest timeout.
    server.timeout(request, 0)
    request.signal.addEventListener("abort", stop, { once: true })
  }
}

/** Serves a Levada. Rejects when the port is taken, and with `InvalidOption` for options that can't be used. */
export const serve = async (levada: Levada, options: ListenAddress.ListenOptions = {}): Promise<Serving> => {
  const { port, host } = await ListenAddress.resolve(levada, options)
  const { Bun } = globalThis as unknown as { readonly Bun: BunServe }
  const server = Bun.serve({
    port,
    hostname: host,
    // Bun closes quiet connections after 10 s, which is short for a slow client; 255 s is the most.
    idleTimeout: 255,
    // The API has its own limit, and its own words for it.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    websocket: Upgrades.bunSockets,
    fetch: Fetch.toFetch(levada.handler, platform)
  })
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    const stopped = server.stop(false)
    await levada.close()
    const last = setTimeout(() => void server.stop(true), ListenAddress.LAST_MILLIS)
    await stopped
    clearTimeout(last)
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
