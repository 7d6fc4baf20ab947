/** A WebSocket to a server under test. */
import { WebSocket } from "ws"
import { type Json, type Server, until } from "./Client.ts"

export class Connection {
  readonly messages: Array<Json> = []
  readonly #socket: WebSocket
  /** With which code and for which reason it was closed. */
  readonly closed: Promise<readonly [code: number, reason: string]>
  isClosed = false
  #read = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on("message", (data) => this.messages.push(JSON.parse(String(data))))
    socket.on("error", () => undefined)
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        this.isClosed = true
        resolve([code, String(reason)])
      })
    })
  }

  /** Connects. Rejects with the status of the answer when that is no WebSocket. */
  static open(server: Server, query = "", headers: Readonly<Record<string, string>> = {}): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`${server.url.replace("http", "ws")}/ws${query}`, { headers })
      const connection = new Connection(socket)
      socket.on("open", () => resolve(connection))
      socket.on("unexpected-response", (_, { statusCode }) => {
        socket.terminate()
        reject(new Error(`status ${statusCode}`))
      })
      socket.on("error", reject)
    })
  }

  send(message: Json | string | Uint8Array): void {
    this.#socket.send(typeof message === "string" || message instanceof Uint8Array ? message : JSON.stringify(message))
  }

  /** The next message that is not an event. */
  async next(): Promise<Json> {
    const [at, message] = await until("a message", async () => {
      for (let index = this.#read; index < this.messages.length; index++) {
        if (!this.messages[index].type.endsWith("Event")) return [index, this.messages[index]] as const
      }
      return undefined
    })
    this.#read = at + 1
    return message
  }

  /** Sends, and gives what is said to that. */
  ask(message: Json | string): Promise<Json> {
    this.send(message)
    return this.next()
  }

  get events(): ReadonlyArray<Json> {
    return this.messages.filter(({ type }) => type.endsWith("Event"))
  }

  /** Reads nothing any more. */
  pause(): void {
    this.#socket.pause()
  }
  resume(): void {
    this.#socket.resume()
  }
  close(): void {
    this.#socket.close()
  }
  terminate(): void {
    this.#socket.terminate()
  }
}
