/** The API as a web-standard fetch handler, for every server that has one. */
import type { Handler, HttpReply, HttpRequest } from "./Message.ts"

/** What the server knows of a connection and a `Request` does not say. */
export interface Connection {
  readonly address: string | undefined
  readonly secure: boolean
}

/** Answers a web `Request`; at once where nothing has to be waited for. */
export type Fetch = (request: Request, connection?: Connection) => Response | Promise<Response>

/** A fetch handler over the API. */
export const toFetch =
  (handler: Handler): Fetch =>
  (request, connection) => {
    const reply = handler(fromRequest(request, connection))
    return reply instanceof Promise
      ? reply.then((later) => toResponse(request.method, later))
      : toResponse(request.method, reply)
  }

/** A web `Request` as a route sees it. */
export const fromRequest = (request: Request, connection?: Connection): HttpRequest => {
  const { url } = request
  const pathStart = url.indexOf("/", url.indexOf("//") + 2)
  const queryStart = url.indexOf("?", pathStart)
  return {
    method: request.method,
    path: pathStart === -1 ? "/" : queryStart === -1 ? url.slice(pathStart) : url.slice(pathStart, queryStart),
    query: queryStart === -1 ? "" : url.slice(queryStart + 1),
    header: (name) => request.headers.get(name) ?? undefined,
    body: (maxBytes) => readBody(request, maxBytes),
    address: connection?.address,
    secure: connection?.secure ?? url.startsWith("https:"),
    onAbort: (stop) => request.signal.addEventListener("abort", stop, { once: true })
  }
}

/** A reply as a web `Response`. A HEAD request gets everything but the body. */
export const toResponse = (method: string, reply: HttpReply): Response =>
  new Response(method === "HEAD" ? null : (reply.body ?? null), { status: reply.status, headers: reply.headers })

const readBody = async (request: Request, maxBytes: number): Promise<Uint8Array | "too-large"> => {
  if (request.body === null) return new Uint8Array()
  const reader = request.body.getReader()
  const chunks: Array<Uint8Array> = []
  let length = 0
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.length
    if (length > maxBytes) {
      // Not awaited: some runtimes settle this only once the client has sent everything.
      void reader.cancel().catch(() => undefined)
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
