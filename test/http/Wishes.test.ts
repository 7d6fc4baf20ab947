/** A client that wishes to speak something else again and again leaves nothing behind on its connection. */
import { afterAll, expect, test } from "vitest"
import { NodeServer } from "../../adapters/node/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { guide } from "../fixtures/pipelines.ts"
import { connected } from "./harness/RawConnection.ts"

const levada = Levada.make({ pipelines: [guide], access: Access.open })
const serving = await NodeServer.serve(levada, { port: 0 })
afterAll(() => serving.close())

test("`Upgrade: h2c` adds no listeners to a connection", async () => {
  const sockets = new Set<{
    readonly eventNames: () => Array<string | symbol>
    readonly listenerCount: (name: string) => number
  }>()
  serving.server.on("connection", (socket) => sockets.add(socket))
  const listeners = (): number => {
    const [socket] = sockets
    return socket!.eventNames().reduce((sum, name) => sum + socket!.listenerCount(name as string), 0)
  }
  await connected(serving, async (connection) => {
    await connection.request("GET", "/health")
    expect((await connection.answer())?.status).toBe(200)
    const before = listeners()
    for (let count = 0; count < 30; count++) {
      await connection.request("GET", "/health", { connection: "upgrade, http2-settings", upgrade: "h2c" })
      expect((await connection.answer())?.status).toBe(200)
    }
    expect(listeners()).toBeLessThanOrEqual(before)
  })
})
