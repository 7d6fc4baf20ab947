/** A link to Redis that carries only so many bytes a second each way, and measures the commands and replies that it carries. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { Frames } from "./Frames.ts"
import { closing } from "./Opening.ts"

/** A link, closed after the test. */
export interface SlowLink {
  readonly url: string
  /** How many bytes it has carried to the clients. */
  readonly carried: () => number
  /** The bytes of the longest command, and of the longest reply, that it has carried whole. */
  readonly longest: { command: number; reply: number }
}

/** One way, which all connections share: reading pauses for as long as what was read takes, so that the sender has to wait. */
const way = (bytesPerSecond: number) => {
  let freeAtMillis = 0
  return (from: Socket, to: Socket, see: (chunk: Buffer) => void): void => {
    from.on("data", (chunk: Buffer) => {
      see(chunk)
      const isFull = !to.write(chunk)
      if (isFull) {
        from.pause()
        to.once("drain", () => from.resume())
      }
      const now = performance.now()
      freeAtMillis = Math.max(now, freeAtMillis) + (chunk.length / bytesPerSecond) * 1_000
      if (freeAtMillis - now < 2) return
      from.pause()
      setTimeout(() => from.resume(), freeAtMillis - now)
    })
  }
}

/** Opens a link to a server. All connections share its rate. */
export const slowLink = async (to: string, bytesPerSecond: number): Promise<SlowLink> => {
  const { hostname, port } = new URL(to)
  const sockets = new Set<Socket>()
  const longest = { command: 0, reply: 0 }
  let carried = 0
  const there = way(bytesPerSecond)
  const back = way(bytesPerSecond)
  const listening = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: hostname, port: Number(port), noDelay: true })
    const end = (): void => {
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on("error", end).on("close", end)
    }
    const commands = new Frames((bytes) => {
      longest.command = Math.max(longest.command, bytes)
    })
    const replies = new Frames((bytes) => {
      longest.reply = Math.max(longest.reply, bytes)
    })
    there(near, far, (chunk) => commands.add(chunk))
    back(far, near, (chunk) => {
      carried += chunk.length
      replies.add(chunk)
    })
  })
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve))
  closing(() => {
    listening.close()
    for (const socket of sockets) socket.destroy()
  })
  return { url: `redis://127.0.0.1:${(listening.address() as AddressInfo).port}`, carried: () => carried, longest }
}
