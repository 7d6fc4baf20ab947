/** Answers Elysia's requests with the API's handler. */
import type { Principal } from "../../core/values/Principal.ts"
import { type Platform, toResponse, WebRequest, web } from "../http/server/Fetch.ts"
import { type Handler, type HttpReply, NO_SOCKETS } from "../http/server/Message.ts"
import { type BunUpgrades, upgradeOnBun, upgradeOnDeno } from "../http/server/Upgrades.ts"
import { joined } from "../http/transfer/Compression.ts"

/** The part of Elysia's context that a route uses. */
interface Context {
  readonly request: Request
  /** The route's path, with the prefixes of every app that it is used in. */
  readonly route: string
  /** The status and headers of the answer. */
  readonly set: { status?: number | string; headers: object }
  /** Bun's server, if the app runs on Bun. */
  readonly server?: BunServer | null
}

interface BunServer extends BunUpgrades {
  readonly requestIP: (request: Request) => { readonly address: string } | null
  readonly timeout: (request: Request, seconds: number) => void
}

type Answer = Uint8Array | Response

/** The info that Deno passes with each request. */
export interface DenoInfo {
  readonly remoteAddr: { readonly hostname?: string }
}

/** Deno's info about the requests that came through `serve`; Elysia does not pass it on. */
export const denoInfos: WeakMap<Request, DenoInfo> = new WeakMap()

/** Who sent each request that the API has answered. */
export const principals: WeakMap<Request, Principal> = new WeakMap()

/** A request of `@elysiajs/node`. */
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
  // On Node and Deno the client decides the URL, so its protocol proves nothing. `serve` listens without TLS.
  secure: (request: NodeRequest) => {
    if (denoInfos.has(request)) return false
    const node = request.runtime?.node
    return node === undefined ? web.secure(request, undefined) : node.req.socket.encrypted === true
  },
  address: (request: NodeRequest, server) =>
    denoInfos.get(request)?.remoteAddr.hostname ?? request.ip ?? server?.requestIP(request)?.address,
  onAbort: (request, server, stop) => {
    // Bun closes idle connections, and a client that waits for a run is idle.
    server?.timeout(request, 0)
    web.onAbort(request, undefined, stop)
  }
}

/** Makes the handler of the route declared as `path`. */
export const answer = (handler: Handler, path: string): ((context: Context) => Answer | Promise<Answer>) => {
  const depth = slashes(path)
  const respond = (request: Request, route: string, set: Context["set"], server: Context["server"]) => {
    const webRequest = new WebRequest(request, server, platform)
    webRequest.takePrefix(slashes(route) - depth)
    const reply = handler(webRequest)
    const toAnswer = (settled: HttpReply): Answer => {
      if (webRequest.principal !== undefined) principals.set(request, webRequest.principal)
      if (settled.accept !== undefined) return webRequest.upgrade(settled.accept)
      if (isNode) webRequest.discardBody()
      return answerOf(settled, set, request.method)
    }
    return reply instanceof Promise ? reply.then(toAnswer) : toAnswer(reply)
  }
  // Elysia reads the source of this function and creates only the properties that its parameter names. `server` is the most
  // expensive one, and only Bun's is needed.
  return "Bun" in globalThis
    ? ({ request, route, set, server }) => respond(request, route, set, server)
    : ({ request, route, set }) => respond(request, route, set, undefined)
}

/** On Node an unread body must be discarded here; Bun and Deno do that themselves. */
const isNode = !("Bun" in globalThis || "Deno" in globalThis)

const slashes = (path: string): number => path.split("/").length - 1

const utf8 = new TextEncoder()

/**
 * Lets Elysia make the response, so that hooks find status and headers in `set`; on Node this is also faster than a web
 * `Response`. The body is bytes, because on Node Elysia sends strings as plain text.
 */
const answerOf = ({ status, headers, body }: HttpReply, set: Context["set"], method: string): Answer => {
  if (body === undefined || body instanceof ReadableStream) return new Response(body ?? null, { status, headers })
  set.status = status
  // A hook of the app may have set this one too.
  const { vary } = set.headers as { readonly vary?: string }
  Object.assign(set.headers, vary === undefined ? headers : joined({ vary }, headers))
  const bytes = typeof body === "string" ? utf8.encode(body) : body
  // Elysia and the server drop the body of a HEAD. Other methods get no content-length here: a hook may replace the body.
  if (method === "HEAD") Object.assign(set.headers, { "content-length": String(bytes.length) })
  return bytes
}
