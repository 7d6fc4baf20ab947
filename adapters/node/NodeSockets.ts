/** WebSockets on `node:http`, with the package `ws`, which is loaded for the first WebSocket. */
import { type IncomingMessage, type Server, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import { type Handler, type HttpReply, NO_SOCKETS } from "../http/server/Message.ts"
import { NodeRequest, send } from "./NodeRequest.ts"

/** The interval of pings, in milliseconds. A connection without a pong before the next ping is closed. */
const ALIVE_MILLIS = 30_000

/** The longest message that a client may send, in bytes. */
const MAX_MESSAGE_BYTES = 1 << 18

/** The part of `ws` that this file uses. Its types are a separate package that not every user has. */
interface WebSocket {
  readonly bufferedAmount: number
  readonly send: (text: string) => void
  readonly close: (code: number, reason: string) => void
  readonly terminate: () => void
  readonly ping: () => void
  readonly on: {
    (event: "message", listener: (data: unknown, isBinary: boolean) => void): void
    (event: "close" | "error" | "pong", listener: () => void): void
  }
}

interface WebSocketServer {
  readonly handleUpgrade: (
    incoming: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    opened: (socket: WebSocket) => void
  ) => void
}

interface Ws {
  readonly WebSocketServer: new (options: {
    readonly noServer: boolean
    readonly maxPayload: number
    readonly perMessageDeflate: boolean
  }) => WebSocketServer
}

const isWebSocketUpgrade = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === "websocket"

/** The WebSockets of a server. */
export class NodeSockets {
  readonly #server: Server
  readonly #handler: Handler
  #sockets: Promise<WebSocketServer | undefined> | undefined
  readonly #open: Set<WebSocket> = new Set()

  constructor(server: Server, handler: Handler) {
    this.#server = server
    this.#handler = handler
    // Node 24.9 and later ignore other upgrade requests with this callback. Source: `shouldUpgradeCallback` of `createServer`.
    if ("shouldUpgradeCallback" in server) server.shouldUpgradeCallback = isWebSocketUpgrade
    server.on("upgrade", (incoming, socket, head) => this.#upgrade(incoming, socket, head))
  }

  /** Terminates all open WebSockets. */
  cut(): void {
    for (const socket of this.#open) socket.terminate()
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A broken connection is noticed when the answer is written.
    socket.on("error", () => undefined)
    if (!isWebSocketUpgrade(incoming)) {
      this.#putBack(incoming, socket, head)
      return
    }
    const reply = this.#handler(new NodeRequest(incoming, socket))
    if (reply instanceof Promise) void reply.then((later) => this.#answer(incoming, socket, head, later))
    else void this.#answer(incoming, socket, head, reply)
  }

  /**
   * Handles an upgrade to another protocol (`h2c`, as Java's client sends) as a normal request. Node has taken the request off
   * the connection without its body, so this puts the request back without its upgrade headers. It must be the connection's
   * last request, because each such step adds Node's listeners to the connection once more.
   */
  #putBack({ method, url, httpVersion, rawHeaders }: IncomingMessage, socket: Duplex, head: Buffer): void {
    const lines = [`${method} ${url} HTTP/${httpVersion}`, "connection: close"]
    for (let at = 0; at < rawHeaders.length; at += 2) {
      if (!/^(?:upgrade|connection|http2-settings)$/i.test(rawHeaders[at]!)) {
        lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`)
      }
    }
    socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]))
    this.#server.emit("connection", socket)
  }

  async #answer(incoming: IncomingMessage, socket: Duplex, head: Buffer, reply: HttpReply): Promise<void> {
    const { accept } = reply
    const sockets = accept === undefined ? undefined : await this.#load()
    if (accept === undefined || sockets === undefined) {
      const outgoing = new ServerResponse(incoming)
      outgoing.shouldKeepAlive = false
      outgoing.assignSocket(socket as IncomingMessage["socket"])
      outgoing.on("finish", () => socket.end())
      return send(incoming, outgoing, accept === undefined ? reply : NO_SOCKETS)
    }
    sockets.handleUpgrade(incoming, socket, head, (opened) => this.#opened(opened, accept))
  }

  #load(): Promise<WebSocketServer | undefined> {
    // With both functions here, bundlers accept that the package is missing.
    this.#sockets ??= import("ws").then(
      (ws: unknown) => {
        const { WebSocketServer } = ws as Ws
        return new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false })
      },
      () => {
        console.warn("WebSockets on Node need the package `ws`: npm install ws")
        return undefined
      }
    )
    return this.#sockets
  }

  #opened(socket: WebSocket, accept: NonNullable<HttpReply["accept"]>): void {
    this.#open.add(socket)
    let isAlive = true
    socket.on("pong", () => {
      isAlive = true
    })
    const pinging = setInterval(() => {
      if (!isAlive) return socket.terminate()
      isAlive = false
      socket.ping()
    }, ALIVE_MILLIS)
    // A close event follows each error.
    socket.on("error", () => undefined)
    const listener = accept({
      send: (text) => socket.send(text),
      buffered: () => socket.bufferedAmount,
      close: (code, reason) => socket.close(code, reason)
    })
    socket.on("message", (data, isBinary) => listener.message(isBinary ? data : String(data)))
    socket.on("close", () => {
      clearInterval(pinging)
      this.#open.delete(socket)
      listener.closed()
    })
  }
}
