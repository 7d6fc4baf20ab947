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
  /** Stops listening, closes the Levada, and lets every answer that was promised be sent. */
  readonly close: () => Promise<void>
}

/** What this binding uses of `Deno`. Its types come with the runtime and are on no registry that every user has. */
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

/** What Deno tells of a request. */
interface Info {
  readonly remoteAddr: { readonly hostname?: string }
}

const platform: Fetch.Platform<Info> = {
  upgrade: (request, _, accept) => Upgrades.upgradeOnDeno(request, accept),
  address: (_, { remoteAddr }) => remoteAddr.hostname,
  // It listens without TLS, and Deno's URL is whatever the client says.
  secure: () => false,
  // Deno's own `completed` says nothing until the handler has answered. It warns of this signal once, unless it runs
  // with `--unstable-no-legacy-abort`: it is aborted after every answer too, which is too late to matter here.
  onAbort: (request, _, stop) => Fetch.web.onAbort(request, undefined, stop)
}

/**
 * Serves a Levada. `Deno.serve` has no limit on how long a client may take to send its headers (Deno 2.9 takes none of
 * `headersTimeout`, `requestTimeout`, `idleTimeout`, and tells nothing of connections): for strangers, use `NodeServer`,
 * whose limits hold on Deno too, or a proxy with such a limit (nginx: `client_header_timeout`). Rejects when the port is
 * taken, and with `InvalidOption` for options that can't be used. */
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
    // Not before: Deno's shutdown takes the rest of half-sent requests away. What comes meanwhile is answered with 503.
    await levada.close()
    // A server that is shutting down can't be aborted any more: Deno would throw where nobody can catch.
    const givenUp = Promise.withResolvers<void>()
    const last = setTimeout(givenUp.resolve, ListenAddress.LAST_MILLIS)
    await Promise.race([server.shutdown(), givenUp.promise])
    clearTimeout(last)
  }
  return {
    url: ListenAddress.urlOf(host, server.addr.port),
    close: () => {
      closing ??= close()
      return closing
    }
  }
}
