/** The API on `node:http`, directly: no web `Request` or `Response` is made. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { TLSSocket } from "node:tls"
import type { Handler, HttpReply, HttpRequest } from "../http/Message.ts"
import type { Levada } from "../promise/Levada.ts"

/** Where to listen. */
export interface Options {
  /** Default: 8000. 0 takes any free port. */
  readonly port?: number
  /** Default: `127.0.0.1`, this machine only. */
  readonly host?: string
}

/** A server that listens. */
export interface Serving {
  /** `http://host:port`. */
  readonly url: string
  readonly server: Server
  /** Stops listening, closes the Levada, and lets every answer that was promised be sent. */
  readonly close: () => Promise<void>
}

/** How long a client may take to send its headers, and the whole request, in milliseconds. */
const HEADERS_MILLIS = 15_000
const REQUEST_MILLIS = 60_000

/** How often connections are looked for that have become idle while the server closes, in milliseconds. */
const SWEEP_MILLIS = 20

/** How long answers may take to be sent once everything is closed, in milliseconds. */
const LAST_MILLIS = 1_000

/** The API as a listener for a `node:http` or `node:https` server of your own. */
export const toListener =
  (handler: Handler): RequestListener =>
  (incoming, outgoing) => {
    const reply = handler(new NodeRequest(incoming, outgoing))
    if (reply instanceof Promise) void reply.then((later) => send(incoming, outgoing, later))
    else send(incoming, outgoing, reply)
  }

/** Serves a Levada. Rejects when the port is taken. */
export const serve = async (levada: Levada, options: Options = {}): Promise<Serving> => {
  const server = createServer(
    { headersTimeout: HEADERS_MILLIS, requestTimeout: REQUEST_MILLIS },
    toListener(levada.handler)
  )
  const host = options.host ?? "127.0.0.1"
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(options.port ?? 8000, host, () => {
      server.off("error", reject)
      resolve()
    })
  })
  const { port } = server.address() as AddressInfo
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeIdleConnections()
    await levada.close()
    // A connection becomes idle when its last answer is sent.
    const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MILLIS)
    const last = setTimeout(() => server.closeAllConnections(), LAST_MILLIS)
    await closed
    clearInterval(sweep)
    clearTimeout(last)
  }
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    server,
    close: () => {
      closing ??= close()
      return closing
    }
  }
}

class NodeRequest implements HttpRequest {
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly path: string
  readonly query: string

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.#incoming = incoming
    this.#outgoing = outgoing
    // A proxy may send the whole URL (RFC 9112, 3.2.2).
    const target = incoming.url ?? "/"
    const url = target.startsWith("/") ? target : target.replace(/^https?:\/\/[^/?#]*/i, "")
    const question = url.indexOf("?")
    this.path = question === -1 ? url : url.slice(0, question)
    this.query = question === -1 ? "" : url.slice(question + 1)
  }

  get method(): string {
    return this.#incoming.method ?? "GET"
  }
  get address(): string | undefined {
    return this.#incoming.socket.remoteAddress
  }
  get secure(): boolean {
    return (this.#incoming.socket as TLSSocket).encrypted === true
  }

  readonly header = (name: string): string | undefined => {
    const value = this.#incoming.headers[name]
    // Of some headers, Node keeps only the first: credentials that come twice have to look like it.
    if (name === "authorization" && value !== undefined) return this.#incoming.headersDistinct[name]?.join(", ")
    return Array.isArray(value) ? value.join(", ") : value
  }

  readonly body = (maxBytes: number): Promise<Uint8Array | "too-large"> =>
    new Promise((resolve, reject) => {
      const incoming = this.#incoming
      // It may have gone while it was asked who it is.
      if (incoming.destroyed) return reject(new Error("The connection was closed"))
      const chunks: Array<Buffer> = []
      let length = 0
      const onData = (chunk: Buffer): void => {
        length += chunk.length
        if (length <= maxBytes) {
          chunks.push(chunk)
          return
        }
        incoming.off("data", onData)
        incoming.resume()
        resolve("too-large")
      }
      incoming.on("data", onData)
      incoming.on("end", () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
      incoming.on("error", reject)
      incoming.on("close", () => reject(new Error("The connection was closed")))
    })

  readonly onAbort = (stop: () => void): void => {
    this.#outgoing.on("close", () => {
      if (!this.#outgoing.writableFinished) stop()
    })
  }
}

const send = (incoming: IncomingMessage, outgoing: ServerResponse, { status, headers, body }: HttpReply): void => {
  if (outgoing.destroyed) return
  if (body === undefined) {
    outgoing.writeHead(status, headers)
    outgoing.end()
    return
  }
  if (typeof body !== "string") {
    outgoing.writeHead(status, headers)
    void pipe(body, outgoing)
    return
  }
  outgoing.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) })
  if (incoming.method === "HEAD") outgoing.end()
  else outgoing.end(body)
}

/** Sends bytes as they come, no faster than the client takes them. */
const pipe = async (body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> => {
  const reader = body.getReader()
  // Whoever goes away ends it.
  outgoing.on("close", () => void reader.cancel().catch(() => undefined))
  // At once: the first bytes may take their time.
  outgoing.flushHeaders()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (!outgoing.write(next.value)) await drained(outgoing)
    }
    outgoing.end()
  } catch {
    // Cut, so that nobody takes what came for all there is.
    outgoing.destroy()
  }
}

const drained = (outgoing: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      outgoing.off("drain", done)
      outgoing.off("close", done)
      resolve()
    }
    outgoing.on("drain", done)
    outgoing.on("close", done)
  })
