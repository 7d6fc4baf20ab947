/** A link to Redis that carries only so many bytes a second of what the server answers. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { closing } from "./Opening.ts"

/** A link, closed after the test. */
export interface SlowLink {
  readonly url: string
  /** How many bytes it has carried to the clients. */
  readonly carried: () => number
}

/** Opens a link to a server. All connections share its rate. */
export const slowLink = async (to: string, bytesPerSecond: number): Promise<SlowLink> => {
  const { hostname, port } = new URL(to)
  const sockets = new Set<Socket>()
  let carried = 0
  let freeAtMillis = 0
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
    near.pipe(far)
    far.on("data", (chunk: Buffer) => {
      near.write(chunk)
      carried += chunk.length
      const now = performance.now()
      freeAtMillis = Math.max(now, freeAtMillis) + (chunk.length / bytesPerSecond) * 1_000
      if (freeAtMillis - now < 2) return
      far.pause()
      setTimeout(() => far.resume(), freeAtMillis - now)
    })
  })
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve))
  closing(() => {
    listening.close()
    for (const socket of sockets) socket.destroy()
  })
  return { url: `redis://127.0.0.1:${(listening.address() as AddressInfo).port}`, carried: () => carried }
}
