/** A connection that can send any bytes, including requests that no HTTP client sends. */
import { connect, type Socket } from "node:net"
import type { Server } from "./Client.ts"

/** An answer with its raw headers and body. */
export interface RawAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** One TCP connection to a server under test. */
export class RawConnection {
  /** The path that the API is mounted at: a prefix of every requested path. */
  readonly basePath: string
  readonly host: string
  /** Resolves when no more bytes can come. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #ended = false
  #onChange: Array<() => void> = []

  private constructor(url: URL, socket: Socket) {
    this.basePath = url.pathname.replace(/\/$/, "")
    this.host = url.host
    this.#socket = socket
    const change = (): void => {
      const calls = this.#onChange
      this.#onChange = []
      for (const call of calls) call()
    }
    socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk])
      change()
    })
    // A server may end a bad connection with a reset; the bytes before it still count.
    socket.on("error", () => undefined)
    this.closed = new Promise((resolve) => {
      const end = (): void => {
        this.#ended = true
        change()
        resolve()
      }
      socket.on("end", end)
      socket.on("close", end)
    })
  }

  /** Rejects if no server listens. */
  static open(server: Server): Promise<RawConnection> {
    const url = new URL(server.url)
    return new Promise((resolve, reject) => {
      const socket = connect({ port: Number(url.port), host: url.hostname, allowHalfOpen: true })
      const connection = new RawConnection(url, socket)
      socket.once("connect", () => resolve(connection))
      socket.once("error", reject)
    })
  }

  /** Sends bytes. Resolves when they are sent, or can't be sent any more. */
  send(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#socket.writable) return resolve()
      this.#socket.write(bytes, () => resolve())
    })
  }

  /** Sends the head of a request. A given length is declared, whatever follows. */
  request(method: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const lines = Object.entries({ host: this.host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    return this.send(`${method} ${this.basePath}${path} HTTP/1.1\r\n${lines.join("")}\r\n`)
  }

  /** Whether an answer has begun, or the connection has ended. */
  get answered(): boolean {
    return this.#ended || this.#received.length > 0
  }

  /** The next answer, without interim ones; undefined if the connection ends without a complete one. */
  async answer(toHead = false): Promise<RawAnswer | undefined> {
    for (;;) {
      const parsed = parse(this.#received.toString("latin1"), toHead, this.#ended)
      if (parsed !== undefined) {
        this.#received = this.#received.subarray(parsed.length)
        if (parsed.answer.status < 200) continue
        return parsed.answer
      }
      if (this.#ended) return undefined
      await new Promise<void>((resolve) => this.#onChange.push(resolve))
    }
  }

  /** Received bytes that belong to no answer. */
  get rest(): string {
    return this.#received.toString("latin1")
  }

  /** Closes the sending side. */
  end(): void {
    this.#socket.end()
  }

  /** Disconnects. */
  destroy(): void {
    this.#socket.destroy()
  }
}

/** Opens a connection while `use` runs. */
export const withConnection = async <A>(server: Server, use: (connection: RawConnection) => Promise<A>): Promise<A> => {
  const connection = await RawConnection.open(server)
  try {
    return await use(connection)
  } finally {
    connection.destroy()
  }
}

/** The content type of a JSON body. */
export const JSON_TYPE = { "content-type": "application/json" } as const

/** The headers of a JSON body with a declared length. */
export const withLength = (length: number): Readonly<Record<string, string>> => ({
  ...JSON_TYPE,
  "content-length": String(length)
})

type Parsed = { readonly answer: RawAnswer; readonly length: number } | undefined

/** Parses one answer from the front of `text` (one character for each byte). */
const parse = (text: string, toHead: boolean, ended: boolean): Parsed => {
  const headEnd = text.indexOf("\r\n\r\n")
  if (headEnd === -1) return undefined
  const [first = "", ...lines] = text.slice(0, headEnd).split("\r\n")
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1])
  if (Number.isNaN(status)) throw new Error(`Expected an answer, received ${JSON.stringify(first.slice(0, 100))}`)
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(":")
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    })
  )
  const start = headEnd + 4
  const done = (body: string, end: number): Parsed => ({
    answer: { status, headers, body: Buffer.from(body, "latin1").toString() },
    length: end
  })
  if (toHead || status < 200 || status === 204 || status === 304) return done("", start)
  if (headers.get("transfer-encoding") === "chunked") return dechunk(text, start, done)
  const declared = headers.get("content-length")
  // Without a length, the body lasts until the end of the connection.
  if (declared === undefined) return ended ? done(text.slice(start), text.length) : undefined
  const end = start + Number(declared)
  return text.length < end ? undefined : done(text.slice(start, end), end)
}

const dechunk = (text: string, start: number, done: (body: string, end: number) => Parsed): Parsed => {
  let body = ""
  for (let at = start; ; ) {
    const lineEnd = text.indexOf("\r\n", at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(text.slice(at, lineEnd), 16)
    const chunkEnd = lineEnd + 2 + size
    if (text.length < chunkEnd + 2) return undefined
    if (size === 0) return done(body, chunkEnd + 2)
    body += text.slice(lineEnd + 2, chunkEnd)
    at = chunkEnd + 2
  }
}
