/** A request of Elysia's, answered by the API. */
import type { Principal } from "../../core/values/Principal.ts"
import { type Platform, toResponse, WebRequest, web } from "../http/server/Fetch.ts"
import { type Handler, type HttpReply, NO_SOCKETS } from "../http/server/Message.ts"
import { type BunUpgrades, upgradeOnBun, upgradeOnDeno } from "../http/server/Upgrades.ts"

/** What a route uses of Elysia's context. */
interface Context {
  readonly request: Request
  /** The route's path, with the prefixes of every app that it is used in. */
  readonly route: string
  /** The status and headers of the answer to be. */
  readonly set: { status?: number | string; headers: object }
  /** Bun's server, when the app listens with it. */
  readonly server?: BunServer | null
}

interface BunServer extends BunUpgrades {
  readonly requestIP: (request: Request) => { readonly address: string } | null
  readonly timeout: (request: Request, seconds: number) => void
}

type Answer = Uint8Array | Response

/** What Deno tells of a request. */
export interface DenoInfo {
  readonly remoteAddr: { readonly hostname?: string }
}

/** What Deno told of the requests that came through `serve`; Elysia does not pass it on. */
export const denoInfos: WeakMap<Request, DenoInfo> = new WeakMap()

/** Who sent each request that the API has answered. */
export const principals: WeakMap<Request, Principal> = new WeakMap()

/** What `@elysiajs/node` has on a request. */
interface NodeRequest extends Request {
  readonly ip?: string | undefined
  readonly runtime?: {
    readonly node?: { readonly req: { readonly socket: { readonly encrypted?: boolean } } } | undefined
  }
}

const platform: Platform<BunServer | null | undefined> = {
  upgrade: (request, server, accept) => {
    if (server) return upgradeOnBun(request, server, accept)
    return "Deno" in globalThis ? upgradeOnDeno(request, accept) : toResponse(NO_SOCKETS)
  },
  // On Node and Deno, its URL is whatever the client says. `serve` listens without TLS.
  secure: (request: NodeRequest) => {
    if (denoInfos.has(request)) return false
    const node = request.runtime?.node
    return node === undefined ? web.secure(request, undefined) : node.req.socket.encrypted === true
  },
  address: (request: NodeRequest, server) =>
    denoInfos.get(request)?.remoteAddr.hostname ?? request.ip ?? server?.requestIP(request)?.address,
  onAbort: (request, server, stop) => {
    // Bun closes quiet connections, and somebody who waits for a run is quiet.
    server?.timeout(request, 0)
    web.onAbort(request, undefined, stop)
  }
}

/** Answers what comes to the route that was declared as `path`. */
export const answer = (handler: Handler, path: string): ((context: Context) => Answer | Promise<Answer>) => {
  const depth = slashes(path)
  const respond = (request: Request, route: string, set: Context["set"], server: Context["server"]) => {
    const asked = new WebRequest(request, server, platform)
    asked.takePrefix(slashes(route) - depth)
    const reply = handler(asked)
    const toAnswer = (known: HttpReply): Answer => {
      if (asked.principal !== undefined) principals.set(request, asked.principal)
      if (known.accept !== undefined) return asked.upgrade(known.accept)
      if (isNode) asked.forget()
      return answerOf(known, set, request.method)
    }
    return reply instanceof Promise ? reply.then(toAnswer) : toAnswer(reply)
  }
  // Elysia reads the source of what is returned here: it makes what the parameter names, and no query, headers or
  // cookies. The server costs most to make, and only Bun's has something to tell.
  return "Bun" in globalThis
    ? ({ request, route, set, server }) => respond(request, route, set, server)
    : ({ request, route, set }) => respond(request, route, set, undefined)
}

/** Bun and Deno take what was not read out of the way themselves. */
const isNode = !("Bun" in globalThis || "Deno" in globalThis)

const slashes = (path: string): number => path.split("/").length - 1

const utf8 = new TextEncoder()

/**
 * Elysia makes the response: hooks find status and headers where they look for them, and on Node it is faster than
 * with a web `Response`. As bytes, because there Elysia calls every string plain text.
 */
const answerOf = ({ status, headers, body }: HttpReply, set: Context["set"], method: string): Answer => {
  if (typeof body !== "string") return new Response(body ?? null, { status, headers })
  set.status = status
  Object.assign(set.headers, headers)
  const bytes = utf8.encode(body)
  // The body of a HEAD is left to Elysia and the server to drop. Not told to others: a hook may put another in its place.
  if (method === "HEAD") Object.assign(set.headers, { "content-length": String(bytes.length) })
  return bytes
}
