/**
 * The request and the reply that everything in here works with. Two small shapes of our own, because the web's
 * `Request` and `Response` cost more on Node than all the rest of an answer.
 */

import type { Principal } from "../../../core/values/Principal.ts"

/** A request, as far as a route needs to know it. */
export interface HttpRequest {
  readonly method: string
  /** As it came: percent-escapes and all, without query. */
  readonly path: string
  /** What stands in front of the path, where that is somebody else's. */
  readonly prefix?: string
  /** Without its question mark. */
  readonly query: string
  /** A header's value; names in lower case. */
  readonly header: (name: string) => string | undefined
  /**
   * The whole body. `"too-large"` as soon as it turns out to be longer than `maxBytes`; the rest is read and forgotten.
   * Rejects when the client goes away half-way.
   */
  readonly body: (maxBytes: number) => Promise<Uint8Array | "too-large">
  /** The other end's address. */
  readonly address: string | undefined
  readonly secure: boolean
  /** Calls `stop` when the client goes away. Asked for only when an answer takes time. */
  readonly onAbort: (stop: () => void) => void
  /** Who sent it, once the guard has said so. */
  principal?: Principal | undefined
}

/** A WebSocket that is open. */
export interface Socket {
  readonly send: (text: string) => void
  /** How many bytes were sent that the other end has not taken yet. */
  readonly buffered: () => number
  readonly close: (code: number, reason: string) => void
}

/** Whoever listens to one. */
export interface SocketListener {
  readonly message: (data: unknown) => void
  /** It is over, whoever has closed it. Nothing is sent after that. */
  readonly closed: () => void
}

/** An answer. */
export interface HttpReply {
  /** With status 101: the connection becomes a WebSocket, and this its listener. */
  readonly accept?: (socket: Socket) => SocketListener
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Text, bytes that come one after the other, or nothing. */
  readonly body: string | ReadableStream<Uint8Array<ArrayBuffer>> | undefined
}

/** Answers a request: at once where nothing has to be waited for. Never throws and never rejects. */
export type Handler = (request: HttpRequest) => HttpReply | Promise<HttpReply>

/**
 * What every answer tells browsers: not to guess its type, keep it, show it in a frame, or run anything that is in it.
 * Source: the OWASP cheat sheet on REST security.
 */
export const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-frame-options": "DENY"
} as const

const JSON_HEADERS = { "content-type": "application/json", ...SECURITY_HEADERS }

/** A reply of JSON text. */
export const jsonText = (status: number, body: string, headers?: Readonly<Record<string, string>>): HttpReply => ({
  status,
  headers: headers === undefined ? JSON_HEADERS : { ...JSON_HEADERS, ...headers },
  body
})

/** A reply of JSON. */
export const json = (status: number, value: unknown, headers?: Readonly<Record<string, string>>): HttpReply =>
  jsonText(status, JSON.stringify(value), headers)

/** A reply of other text. */
export const text = (status: number, contentType: string, body: string): HttpReply => ({
  status,
  headers: { "content-type": contentType, ...SECURITY_HEADERS },
  body
})

/** The reply of a server to what would have to become a WebSocket, when it can't do that. */
export const NO_SOCKETS: HttpReply = text(501, "text/plain; charset=utf-8", "This server does not take WebSockets here")

/** A reply that says that it is done, and nothing else. */
export const NO_CONTENT: HttpReply = { status: 204, headers: {}, body: undefined }
