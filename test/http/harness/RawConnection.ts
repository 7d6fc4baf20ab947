/** A connection on which anything can be said, also what no HTTP client would. */
import { connect, type Socket } from "node:net"
import type { Server } from "./Client.ts"

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** One TCP connection to a server under test. */
export class RawConnection {
  /** The path that the API is mounted at: in front of every path that is asked for. */
  readonly basePath: string
  readonly host: string
  /** Resolves when nothing more can come. */
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
    // A reset is one of the ways in which a server may end a bad connection; what had come until then still counts.
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

  /** Rejects when nobody listens. */
  static open(server: Server): Promise<RawConnection> {
    const url = new URL(server.url)
    return new Promise((resolve, reject) => {
      const socket = connect({ port: Number(url.port), host: url.hostname, allowHalfOpen: true })
      const connection = new RawConnection(url, socket)
      socket.once("connect", () => resolve(connection))
      socket.once("error", reject)
    })
  }

  /** Sends bytes. Resolves when they are on their way, or can't be sent any more. */
  send(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#socket.writable) return resolve()
      this.#socket.write(bytes, () => resolve())
    })
  }

  /** Sends the head of a request; a length that is given is declared, whatever follows. */
  request(method: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const lines = Object.entries({ host: this.host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    return this.send(`${method} ${this.basePath}${path} HTTP/1.1\r\n${lines.join("")}\r\n`)
  }

  /** Whether an answer has begun to come, or the connection is at its end. */
  get answered(): boolean {
    return this.#ended || this.#received.length > 0
  }

  /** The next answer, interim ones left out; nothing when the connection ends without a complete one. */
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

  /** What has come and is no part of an answer that was asked for. */
  get rest(): string {
    return this.#received.toString("latin1")
  }

  /** Says that nothing more will be sent. */
  end(): void {
    this.#socket.end()
  }

  /** Goes away. */
  destroy(): void {
    this.#socket.destroy()
  }
}

/** Opens a connection for as long as `use` takes. */
export const connected = async <A>(server: Server, use: (connection: RawConnection) => Promise<A>): Promise<A> => {
  const connection = await RawConnection.open(server)
  try {
    return await use(connection)
  } finally {
    connection.destroy()
  }
}

/** The header of a JSON body. */
export const JSON_TYPE = { "content-type": "application/json" } as const

/** The headers of a JSON body that says how long it is. */
export const withLength = (length: number): Readonly<Record<string, string>> => ({
  ...JSON_TYPE,
  "content-length": String(length)
})

type Parsed = { readonly answer: RawAnswer; readonly length: number } | undefined

/** One answer from the front of `text` (one character for each byte). */
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
  // Without a length, the body goes on to the end of the connection.
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
