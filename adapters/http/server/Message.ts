/**
 * The request and reply types of the HTTP layer. They are not the web's `Request` and `Response`, because on Node creating
 * those costs more than the rest of an answer.
 */

import type { Principal } from "../../../core/values/Principal.ts"

/** A request. */
export interface HttpRequest {
  readonly method: string
  /** As received: still percent-encoded, without the query. */
  readonly path: string
  /** The part of the URL's path before `path`, if the API is mounted in another app. */
  readonly prefix?: string
  /** Without the question mark. */
  readonly query: string
  /** The value of a header. The name must be in lower case. */
  readonly header: (name: string) => string | undefined
  /**
   * The whole body, or `"too-large"` as soon as it exceeds `maxBytes`; the rest is then discarded. Rejects if the client
   * disconnects before the end.
   */
  readonly body: (maxBytes: number) => Promise<Uint8Array | "too-large">
  /** The IP address of the other end of the connection. */
  readonly address: string | undefined
  readonly secure: boolean
  /** Calls `stop` if the client disconnects. Used only for answers that take time. */
  readonly onAbort: (stop: () => void) => void
  /** Set once the guard has authenticated the request. */
  principal?: Principal | undefined
}

/** An open WebSocket. */
export interface Socket {
  readonly send: (text: string) => void
  /** Number of bytes sent but not yet taken by the network. */
  readonly buffered: () => number
  readonly close: (code: number, reason: string) => void
}

/** The listener of a WebSocket. */
export interface SocketListener {
  readonly message: (data: unknown) => void
  /** Called when either end has closed the WebSocket. Nothing may be sent after that. */
  readonly closed: () => void
}

/** An answer. */
export interface HttpReply {
  /** With status 101: the connection becomes a WebSocket, and this makes its listener. */
  readonly accept?: (socket: Socket) => SocketListener
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Text, bytes, a stream of bytes, or nothing. */
  readonly body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | undefined
}

/** Answers a request, synchronously if nothing has to be waited for. Never throws and never rejects. */
export type Handler = (request: HttpRequest) => HttpReply | Promise<HttpReply>

/**
 * Headers of every answer: browsers must not guess its type, cache it, show it in a frame, or run scripts in it.
 * Source: the OWASP cheat sheet on REST security.
 */
export const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-frame-options": "DENY"
} as const

const JSON_HEADERS = { "content-type": "application/json", ...SECURITY_HEADERS }

/** A reply whose body is text. */
export type TextReply = HttpReply & { readonly body: string }

/** A reply whose body is JSON text. */
export const jsonText = (status: number, body: string, headers?: Readonly<Record<string, string>>): TextReply => ({
  status,
  headers: headers === undefined ? JSON_HEADERS : { ...JSON_HEADERS, ...headers },
  body
})

/** A reply whose body is a value, encoded as JSON. */
export const json = (status: number, value: unknown, headers?: Readonly<Record<string, string>>): TextReply =>
  jsonText(status, JSON.stringify(value), headers)

/** A reply with text of another content type. */
export const text = (status: number, contentType: string, body: string): TextReply => ({
  status,
  headers: { "content-type": contentType, ...SECURITY_HEADERS },
  body
})

/** The reply to a WebSocket request on a server that does not support WebSockets. */
export const NO_SOCKETS: HttpReply = text(
  501,
  "text/plain; charset=utf-8",
  "This server does not support WebSockets here"
)

/** A successful reply without a body. */
export const NO_CONTENT: HttpReply = { status: 204, headers: {}, body: undefined }
