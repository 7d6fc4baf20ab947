/** Reads requests of `node:http` and sends answers, without web `Request` and `Response` objects. */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Writable } from "node:stream"
import type { TLSSocket } from "node:tls"
import type { HttpReply, HttpRequest } from "../http/server/Message.ts"

/** A request of `node:http` as an `HttpRequest`. */
export class NodeRequest implements HttpRequest {
  readonly #incoming: IncomingMessage
  readonly #outgoing: Writable
  readonly path: string
  readonly query: string

  /** `outgoing`: the stream of the answer; if it closes early, the client has disconnected. */
  constructor(incoming: IncomingMessage, outgoing: Writable) {
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
    // Node drops duplicates of this header. Joined, they are invalid credentials, as they should be.
    if (name === "authorization" && value !== undefined) return this.#incoming.headersDistinct[name]?.join(", ")
    return Array.isArray(value) ? value.join(", ") : value
  }

  readonly body = (maxBytes: number): Promise<Uint8Array | "too-large"> =>
    new Promise((resolve, reject) => {
      const incoming = this.#incoming
      // The client may have disconnected during authentication.
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

/** Sends an answer. */
export const send = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, headers, body }: HttpReply
): void => {
  if (outgoing.destroyed) return
  if (body === undefined) {
    outgoing.writeHead(status, headers)
    outgoing.end()
    return
  }
  if (body instanceof ReadableStream) {
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
  // A client that disconnects ends the stream.
  outgoing.on("close", () => void reader.cancel().catch(() => undefined))
  // Sends the headers now: the first bytes may come much later.
  outgoing.flushHeaders()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      if (!outgoing.write(next.value)) await drained(outgoing)
    }
    outgoing.end()
  } catch {
    // Breaks the connection, so that the client notices that the body is incomplete.
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
