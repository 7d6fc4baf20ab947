/** A network between Levada and its Redis that can be cut, delayed, or made to drop bytes. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"

/**
 * The direction in which bytes are dropped: to the server, from it, or both. A request whose answer is dropped has been
 * executed.
 */
export type Direction = "requests" | "answers" | "both"

/** One connection, from both sides. */
interface Pair {
  readonly near: Socket
  readonly far: Socket
  /** Whether some of its bytes were dropped: then later bytes would be misread. */
  isTorn: boolean
}

/** Forwards connections to a port of this machine. */
export class Proxy {
  readonly port: number
  /** The delay in each direction, in milliseconds. */
  delayMillis = 0
  /** Whether new connections are refused. */
  isRefusing = false
  /** The direction in which bytes are dropped. */
  swallows: Direction | undefined = undefined
  readonly #server: Server
  readonly #pairs: Set<Pair> = new Set()

  #target: number

  private constructor(server: Server, target: number) {
    this.#server = server
    this.#target = target
    this.port = (server.address() as AddressInfo).port
    server.on("connection", (near) => this.#join(near, this.#target))
  }

  static async open(target: number): Promise<Proxy> {
    const server = createServer({ noDelay: true })
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject)
      server.listen(0, "127.0.0.1", resolve)
    })
    return new Proxy(server, target)
  }

  /** New connections are forwarded to another port. */
  leadTo(port: number): void {
    this.#target = port
  }

  /** Cuts all connections. */
  cut(): void {
    for (const pair of this.#pairs) this.#end(pair)
  }

  /** Stops dropping bytes. Resets connections with dropped bytes, because no network would join their halves. */
  heal(): void {
    this.swallows = undefined
    for (const pair of this.#pairs) if (pair.isTorn) this.#end(pair)
  }

  close(): void {
    this.cut()
    this.#server.close()
  }

  #join(near: Socket, target: number): void {
    near.on("error", () => undefined)
    if (this.isRefusing) {
      near.resetAndDestroy()
      return
    }
    const far = connect({ port: target, host: "127.0.0.1", noDelay: true })
    const pair: Pair = { near, far, isTorn: false }
    this.#pairs.add(pair)
    far.on("error", () => undefined)
    near.on("close", () => this.#end(pair))
    far.on("close", () => this.#end(pair))
    this.#forward(pair, near, far, "requests")
    this.#forward(pair, far, near, "answers")
  }

  #forward(pair: Pair, from: Socket, to: Socket, way: Direction): void {
    const late: Array<{ readonly chunk: Buffer; readonly at: number }> = []
    const deliver = (): void => {
      while (late.length > 0 && late[0]!.at <= Date.now()) to.write(late.shift()!.chunk)
      if (late.length > 0) setTimeout(deliver, Math.max(late[0]!.at - Date.now(), 1))
    }
    from.on("data", (chunk: Buffer) => {
      if (this.swallows === "both" || this.swallows === way) {
        pair.isTorn = true
      } else if (this.delayMillis > 0 || late.length > 0) {
        // In the order in which it was sent, also if the delay has become shorter.
        late.push({ chunk, at: Math.max(Date.now() + this.delayMillis, late.at(-1)?.at ?? 0) })
        if (late.length === 1) setTimeout(deliver, this.delayMillis)
      } else to.write(chunk)
    })
  }

  #end(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return
    pair.near.resetAndDestroy()
    pair.far.destroy()
  }
}
