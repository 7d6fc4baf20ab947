/** The API as a web-standard fetch handler. */
import type { Principal } from "../../../core/values/Principal.ts"
import { type Handler, type HttpReply, type HttpRequest, NO_SOCKETS } from "./Message.ts"

/** What only the server knows about a request. `Info` is the value that the server passes with each request. */
export interface Platform<Info> {
  readonly address: (request: Request, info: Info) => string | undefined
  /** Whether the connection is encrypted. The request's URL is no proof where the server builds it from the client's request line. */
  readonly secure: (request: Request, info: Info) => boolean
  /** Calls `stop` if the client disconnects before the answer is sent. Called only for answers that take time. */
  readonly onAbort: (request: Request, info: Info, stop: () => void) => void
  /** Turns the connection into a WebSocket, if the server supports that. On Bun there is no response then. */
  readonly upgrade?: (request: Request, info: Info, accept: Accept) => Response | undefined
}

/** Makes the listener of a new WebSocket. */
export type Accept = NonNullable<HttpReply["accept"]>

/** The platform of a server about which only the web `Request` is known. */
export const web: Platform<unknown> = {
  address: () => undefined,
  secure: ({ url }) => url.startsWith("https:"),
  onAbort: (request, _, stop) => request.signal.addEventListener("abort", stop, { once: true })
}

/** Answers a web `Request`, synchronously if nothing has to be waited for. */
export type Fetch<Info> = (request: Request, info: Info) => Response | Promise<Response>

/** A fetch handler over the API. */
export const toFetch =
  <Info>(handler: Handler, platform: Platform<Info>): Fetch<Info> =>
  (request, info) => {
    const webRequest = new WebRequest(request, info, platform)
    const reply = handler(webRequest)
    const respond = (settled: HttpReply): Response =>
      settled.accept === undefined ? toResponse(settled) : webRequest.upgrade(settled.accept)
    return reply instanceof Promise ? reply.then(respond) : respond(reply)
  }

/** A web `Request` as an `HttpRequest`. */
export class WebRequest<Info> implements HttpRequest {
  path: string
  prefix = ""
  readonly query: string
  principal: Principal | undefined
  readonly #request: Request
  readonly #info: Info
  readonly #platform: Platform<Info>
  #isRead = false
  /** A copy of the parts that cannot be read any more once the connection is a WebSocket. */
  #snapshot: { readonly address: string | undefined; readonly secure: boolean; readonly headers: Headers } | undefined

  constructor(request: Request, info: Info, platform: Platform<Info>) {
    this.#request = request
    this.#info = info
    this.#platform = platform
    const { url } = request
    // Bun's URL is only a path if the request names no host.
    const pathStart = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("//") + 2)
    const queryStart = url.indexOf("?", pathStart)
    this.path = pathStart === -1 ? "/" : queryStart === -1 ? url.slice(pathStart) : url.slice(pathStart, queryStart)
    this.query = queryStart === -1 ? "" : url.slice(queryStart + 1)
  }

  /** Moves the first segments of `path` to `prefix`: they belong to the app that mounts the API. */
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
    return this.#snapshot === undefined ? this.#platform.address(this.#request, this.#info) : this.#snapshot.address
  }
  get secure(): boolean {
    return this.#snapshot === undefined ? this.#platform.secure(this.#request, this.#info) : this.#snapshot.secure
  }
  header(name: string): string | undefined {
    const value = (this.#snapshot ?? this.#request).headers.get(name)
    // A request made within this process has its host only in the URL.
    return value ?? (name === "host" ? hostOf(this.#request.url) : undefined)
  }
  /** Turns the connection into a WebSocket. The request cannot be read after that, so this copies what is needed later. */
  upgrade(accept: Accept): Response {
    const { upgrade } = this.#platform
    if (upgrade === undefined) return toResponse(NO_SOCKETS)
    this.#snapshot = { address: this.address, secure: this.secure, headers: new Headers(this.#request.headers) }
    return upgrade(this.#request, this.#info, accept) as Response
  }
  body(maxBytes: number): Promise<Uint8Array | "too-large"> {
    this.#isRead = true
    return readBody(this.#request, maxBytes)
  }
  /** Reads and discards a body that no route has read. Some servers would take its bytes for the next request. */
  discardBody(): void {
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
 * Refuses a request whose Host header contains `/`, `?` or `#`: a server that builds the URL from it would take a part of
 * the host for the path (RFC 9112, 3.2). Undefined for any other request.
 */
export const refuseHost = (request: Request): Response | undefined =>
  /[/?#]/.test(request.headers.get("host") ?? "") ? new Response(null, { status: 400 }) : undefined

/** Converts a reply to a web `Response`. A HEAD keeps its body, so that the server sends the right `Content-Length`; the server drops the body. */
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

/** How much of a refused body is read and discarded, in bytes. */
const MAX_DRAINED = 1 << 26

/**
 * Reads and discards the rest of a body. If a server closes a connection with unread bytes, the client may never get the
 * answer.
 */
const drain = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> => {
  try {
    let length = 0
    for (let next = await reader.read(); !next.done && length < MAX_DRAINED; next = await reader.read()) {
      length += next.value.length
    }
    await reader.cancel()
  } catch {
    // The client disconnected.
  }
}
