/** The API on `Deno.serve`. */
import * as Fetch from "../http/server/Fetch.ts"
import * as ListenAddress from "../http/server/ListenAddress.ts"
import * as Upgrades from "../http/server/Upgrades.ts"
import type { Levada } from "../promise/Levada.ts"

export type { ListenOptions as Options } from "../http/server/ListenAddress.ts"

/** A server that listens. */
export interface Serving {
  /** `http://host:port`. */
  readonly url: string
  /** Stops listening, closes the Levada, and sends the answers to accepted requests. */
  readonly close: () => Promise<void>
}

/** The part of `Deno` that this binding uses. Its types come only with the runtime. */
interface DenoServe {
  readonly serve: (
    options: {
      readonly port: number
      readonly hostname: string
      readonly onListen: () => void
    },
    handler: (request: Request, info: Info) => Response | Promise<Response>
  ) => {
    readonly addr: { readonly port: number }
    readonly shutdown: () => Promise<void>
  }
}

/** The info that Deno passes with each request. */
interface Info {
  readonly remoteAddr: { readonly hostname?: string }
}

const platform: Fetch.Platform<Info> = {
  upgrade: (request, _, accept) => Upgrades.upgradeOnDeno(request, accept),
  address: (_, { remoteAddr }) => remoteAddr.hostname,
  // The server listens without TLS. The URL proves nothing: the client decides its protocol.
  secure: () => false,
  // Deno's `completed` settles only after the handler has answered, so this uses the signal. Deno prints one warning about it
  // (unless it runs with `--unstable-no-legacy-abort`), because the signal is also aborted after each answer; that does no harm here.
  onAbort: (request, _, stop) => Fetch.web.onAbort(request, undefined, stop)
}

/**
 * Serves a Levada. Rejects if the port is in use, and with `InvalidOption` for invalid options.
 *
 * `Deno.serve` has no limit on how long a client may take to send its headers (Deno 2.9 has no `headersTimeout`,
 * `requestTimeout` or `idleTimeout`, and no access to connections). On a public network use `NodeServer`, whose limits also
 * work on Deno, or a proxy with such a limit (nginx: `client_header_timeout`).
 */
export const serve = async (levada: Levada, options: ListenAddress.ListenOptions = {}): Promise<Serving> => {
  const { port, host } = await ListenAddress.resolve(levada, options)
  const { Deno } = globalThis as unknown as { readonly Deno: DenoServe }
  const fetch = Fetch.toFetch(levada.handler, platform)
  const server = Deno.serve(
    { port, hostname: host, onListen: () => undefined },
    (request, info) => Fetch.refuseHost(request) ?? fetch(request, info)
  )
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    // Waits for the answers first: Deno's shutdown drops half-received requests. New requests get 503 meanwhile.
    await levada.close()
    // Aborting a server that is shutting down makes Deno throw an error that cannot be caught, so this only stops waiting.
    const abandoned = Promise.withResolvers<void>()
    const timer = setTimeout(abandoned.resolve, ListenAddress.FLUSH_MILLIS)
    await Promise.race([server.shutdown(), abandoned.promise])
    clearTimeout(timer)
  }
  return {
    url: ListenAddress.urlOf(host, server.addr.port),
    close: () => {
      closing ??= close()
      return closing
    }
  }
}
