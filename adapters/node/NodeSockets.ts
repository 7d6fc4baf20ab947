/** WebSockets on `node:http`, through `ws`, which is loaded with the first of them. */
import { type IncomingMessage, type Server, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import { type Handler, type HttpReply, NO_SOCKETS } from "../http/server/Message.ts"
import { NodeRequest, send } from "./NodeRequest.ts"

/** How often the other end is asked whether it is there, in milliseconds: one that does not say so by the next time is not. */
const ALIVE_MILLIS = 30_000

/** The longest message that is read, in bytes. */
const MAX_MESSAGE_BYTES = 1 << 18

/** What this uses of `ws`. Its types are a package of their own, which not every user has. */
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

const wantsSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === "websocket"

/** What of a server's connections become WebSockets. */
export class NodeSockets {
  readonly #server: Server
  readonly #handler: Handler
  #sockets: Promise<WebSocketServer> | undefined
  readonly #open: Set<WebSocket> = new Set()

  constructor(server: Server, handler: Handler) {
    this.#server = server
    this.#handler = handler
    // Where Node asks (24.9 and later), another wish never becomes an upgrade. Source: `shouldUpgradeCallback` of `createServer`.
    if ("shouldUpgradeCallback" in server) server.shouldUpgradeCallback = wantsSocket
    server.on("upgrade", (incoming, socket, head) => this.#upgrade(incoming, socket, head))
  }

  /** Cuts what is left of them. */
  cut(): void {
    for (const socket of this.#open) socket.terminate()
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Whoever goes away now is noticed by who writes.
    socket.on("error", () => undefined)
    if (!wantsSocket(incoming)) {
      this.#putBack(incoming, socket, head)
      return
    }
    const reply = this.#handler(new NodeRequest(incoming, socket))
    if (reply instanceof Promise) void reply.then((later) => this.#answer(incoming, socket, head, later))
    else void this.#answer(incoming, socket, head, reply)
  }

  /**
   * A client that would rather speak something else (`h2c`, as Java's does) is answered like any other. Node has taken the
   * request off the connection without its body, so it is put back without that wish, as the last one: each time that a
   * connection is put back, Node listens to it once more.
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
    this.#sockets ??= import("ws").then((ws: unknown) => {
      const { WebSocketServer } = ws as Ws
      return new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false })
    })
    return this.#sockets.catch(() => {
      console.warn("WebSockets on Node need the package `ws`: npm install ws")
      return undefined
    })
  }

  #opened(socket: WebSocket, accept: NonNullable<HttpReply["accept"]>): void {
    this.#open.add(socket)
    let isAlive = true
    socket.on("pong", () => {
      isAlive = true
    })
    const asking = setInterval(() => {
      if (!isAlive) return socket.terminate()
      isAlive = false
      socket.ping()
    }, ALIVE_MILLIS)
    // What is wrong with the other end is followed by its close.
    socket.on("error", () => undefined)
    const listener = accept({
      send: (text) => socket.send(text),
      buffered: () => socket.bufferedAmount,
      close: (code, reason) => socket.close(code, reason)
    })
    socket.on("message", (data, isBinary) => listener.message(isBinary ? data : String(data)))
    socket.on("close", () => {
      clearInterval(asking)
      this.#open.delete(socket)
      listener.closed()
    })
  }
}
