/** The API as a web-standard fetch handler, for every server that has one. */
import type { Principal } from "../../../core/values/Principal.ts"
import { type Handler, type HttpReply, type HttpRequest, NO_SOCKETS } from "./Message.ts"

/** What only the server knows of a request, asked for when it is needed. `Info` is what the server passes beside it. */
export interface Platform<Info> {
  readonly address: (request: Request, info: Info) => string | undefined
  /** Whether the connection is encrypted. A server that takes the URL from the request's first line has to know better. */
  readonly secure: (request: Request, info: Info) => boolean
  /** The answer takes time: calls `stop` when the client goes away before it is sent. */
  readonly onAbort: (request: Request, info: Info, stop: () => void) => void
  /** Makes a WebSocket of the connection, where the server can; Bun wants no response then. See `Sockets`. */
  readonly upgrade?: (request: Request, info: Info, accept: Accept) => Response | undefined
}

/** What listens to a WebSocket once there is one. */
export type Accept = NonNullable<HttpReply["accept"]>

/** What a web `Request` itself tells. */
export const web: Platform<unknown> = {
  address: () => undefined,
  secure: ({ url }) => url.startsWith("https:"),
  onAbort: (request, _, stop) => request.signal.addEventListener("abort", stop, { once: true })
}

/** Answers a web `Request`; at once where nothing has to be waited for. */
export type Fetch<Info> = (request: Request, info: Info) => Response | Promise<Response>

/** A fetch handler over the API. */
export const toFetch =
  <Info>(handler: Handler, platform: Platform<Info>): Fetch<Info> =>
  (request, info) => {
    const asked = new WebRequest(request, info, platform)
    const reply = handler(asked)
    const respond = (known: HttpReply): Response =>
      known.accept === undefined ? toResponse(known) : asked.upgrade(known.accept)
    return reply instanceof Promise ? reply.then(respond) : respond(reply)
  }

/** A web `Request` as a route sees it. */
export class WebRequest<Info> implements HttpRequest {
  path: string
  prefix = ""
  readonly query: string
  principal: Principal | undefined
  readonly #request: Request
  readonly #info: Info
  readonly #platform: Platform<Info>
  #isRead = false
  #kept: { readonly address: string | undefined; readonly secure: boolean; readonly headers: Headers } | undefined

  constructor(request: Request, info: Info, platform: Platform<Info>) {
    this.#request = request
    this.#info = info
    this.#platform = platform
    const { url } = request
    // Bun gives the path alone when the request names no host.
    const pathStart = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("//") + 2)
    const queryStart = url.indexOf("?", pathStart)
    this.path = pathStart === -1 ? "/" : queryStart === -1 ? url.slice(pathStart) : url.slice(pathStart, queryStart)
    this.query = queryStart === -1 ? "" : url.slice(queryStart + 1)
  }

  /** So many segments of the path are somebody else's. */
  takePrefix(segments: number): void {
    let at = 0
    for (let left = segments; left > 0; left--) at = this.path.indexOf("/", at + 1)
    this.prefix = this.path.slice(0, at)
    this.path = this.path.slice(at)
  }
  get method(): string {
    return this.#request.method
  }
  get address(): string | undefined {
    return this.#kept === undefined ? this.#platform.address(this.#request, this.#info) : this.#kept.address
  }
  get secure(): boolean {
    return this.#kept === undefined ? this.#platform.secure(this.#request, this.#info) : this.#kept.secure
  }
  header(name: string): string | undefined {
    const value = (this.#kept ?? this.#request).headers.get(name)
    // A request that was made in this process has its host in the URL alone.
    return value ?? (name === "host" ? hostOf(this.#request.url) : undefined)
  }
  /** The response to what becomes a WebSocket. After that the server lets nobody read the request any more, so it is kept. */
  upgrade(accept: Accept): Response {
    const { upgrade } = this.#platform
    if (upgrade === undefined) return toResponse(NO_SOCKETS)
    this.#kept = { address: this.address, secure: this.secure, headers: new Headers(this.#request.headers) }
    return upgrade(this.#request, this.#info, accept) as Response
  }
  body(maxBytes: number): Promise<Uint8Array | "too-large"> {
    this.#isRead = true
    return readBody(this.#request, maxBytes)
  }
  /** Reads a body that nobody has asked for, and forgets it: for servers that leave it in the way of the next request. */
  forget(): void {
    const { method } = this.#request
    if (this.#isRead || method === "GET" || method === "HEAD") return
    this.#isRead = true
    const { body } = this.#request
    if (body !== null && !body.locked) void drain(body.getReader())
  }
  onAbort(stop: () => void): void {
    this.#platform.onAbort(this.#request, this.#info, stop)
  }
}

const hostOf = (url: string): string | undefined => /^https?:\/\/([^/?#]*)/i.exec(url)?.[1]

/**
 * The refusal of a request whose Host header would be taken for a part of the path, by servers that put the URL
 * together from it (RFC 9112, 3.2); nothing for any other.
 */
export const refuseHost = (request: Request): Response | undefined =>
  /[/?#]/.test(request.headers.get("host") ?? "") ? new Response(null, { status: 400 }) : undefined

/** A reply as a web `Response`. The body of a HEAD is for the server to drop: only so it tells the length of a GET's. */
export const toResponse = ({ status, headers, body }: HttpReply): Response =>
  new Response(body ?? null, { status, headers })

const readBody = async (request: Request, maxBytes: number): Promise<Uint8Array | "too-large"> => {
  if (request.body === null) return new Uint8Array()
  const reader = request.body.getReader()
  const chunks: Array<Uint8Array> = []
  let length = 0
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.length
    if (length > maxBytes) {
      void drain(reader)
      return "too-large"
    }
    chunks.push(next.value)
  }
  if (chunks.length === 1) return chunks[0]!
  const whole = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}

/** How much of a body that was refused is read all the same, in bytes. */
const MAX_DRAINED = 1 << 26

/**
 * Reads on, and forgets it. A server that closes a connection with something unread in it takes the answer away that
 * the client has not seen yet.
 */
const drain = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> => {
  try {
    let length = 0
    for (let next = await reader.read(); !next.done && length < MAX_DRAINED; next = await reader.read()) {
      length += next.value.length
    }
    await reader.cancel()
  } catch {
    // The client went away.
  }
}
