/** What no well-behaved client does. Whatever comes, the server answers the next one. */
import { expect, test } from "vitest"
import {
  execute,
  get,
  pathOf,
  register,
  resultOf,
  type Server,
  start,
  statusOf,
  until,
  unused
} from "../../http/harness/Client.ts"
import { connected, JSON_TYPE, RawConnection, withLength } from "../../http/harness/RawConnection.ts"

const EXECUTE = "/pipelines/my_pipeline/execute"
const BODY = JSON.stringify({ parameters: { data: "raw" }, wait: true })

const PIECE = new Uint8Array(65_536).fill(0x20)

/** Sends 64 KiB after 64 KiB, as long as nobody objects. */
const stream = async (connection: RawConnection, count: number, chunked: boolean): Promise<void> => {
  for (let sent = 0; sent < count && !connection.answered; sent++) {
    if (chunked) await connection.send("10000\r\n")
    await connection.send(PIECE)
    if (chunked) await connection.send("\r\n")
  }
}

export const enduring = (server: Server): void => {
  test("clients that stop half-way hold nobody up, and start nothing", async () => {
    const id = await register(server, ["process"])
    const stalled = await Promise.all(Array.from({ length: 50 }, () => RawConnection.open(server)))
    for (const [index, connection] of stalled.entries()) {
      if (index % 2 === 0) await connection.send(`POST ${connection.basePath}${EXECUTE} HTTP/1.1\r\nhost: x\r\ncont`)
      else {
        await connection.request("POST", pathOf(id, "/execute"), withLength(BODY.length))
        await connection.send(BODY.slice(0, 20))
      }
    }
    expect((await execute(server, "my_pipeline", { data: "x" })).status).toBe(200)
    // Half of them say that this was all, the others are gone.
    for (const [index, connection] of stalled.entries()) index % 4 < 2 ? connection.end() : connection.destroy()
    for (const connection of stalled) {
      const answer = await Promise.race([connection.answer(), connection.closed.then(() => undefined)])
      if (answer !== undefined) expect([400, 408]).toContain(answer.status)
      connection.destroy()
    }
    expect((await statusOf(server, id)).status).toBe("IDLE")
  })

  test("a body that is too long by its own declaration is refused before it is sent", () =>
    connected(server, async (connection) => {
      await connection.request("POST", EXECUTE, withLength(10_000_000))
      const answer = await connection.answer()
      expect(answer?.status).toBe(413)
      expect(JSON.parse(answer!.body)).toMatchObject({ error: expect.any(String), message: expect.any(String) })
    }))

  test("a body without a declared length is refused once it is too long", () =>
    connected(server, async (connection) => {
      await connection.request("POST", EXECUTE, { ...JSON_TYPE, "transfer-encoding": "chunked" })
      await stream(connection, 160, true)
      expect((await connection.answer())?.status).toBe(413)
    }))

  test("a declared length that is not the real one does no harm", async () => {
    const id = await register(server, ["process"])
    const path = pathOf(id, "/execute")
    // More comes than was declared: the rest is a next request, and a bad one.
    await connected(server, async (connection) => {
      await connection.request("POST", path, withLength(10))
      await connection.send(BODY)
      expect((await connection.answer())?.status).toBe(400)
    })
    // Less comes than was declared.
    await connected(server, async (connection) => {
      await connection.request("POST", path, withLength(BODY.length + 1))
      await connection.send(BODY)
      connection.end()
      const answer = await connection.answer()
      if (answer !== undefined) expect(answer.status).toBe(400)
    })
    for (const length of ["-1", "ten", "1e3", "99999999999999999999", "5, 6", `${BODY.length}\r\ncontent-length: 3`]) {
      await connected(server, async (connection) => {
        await connection.request("POST", path, { ...JSON_TYPE, "content-length": length })
        await connection.send(BODY)
        connection.end()
        const answer = await connection.answer()
        if (answer !== undefined) expect([400, 413], length).toContain(answer.status)
      })
    }
    expect((await statusOf(server, id)).status).toBe("IDLE")
  })

  test("what is not HTTP is refused", async () => {
    const garbage = [
      "\0\x01\x02\r\n\r\n",
      "hello\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      `GET /health HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(200_000)}\r\n\r\n`,
      `GET /${"y".repeat(200_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
      `POST ${new URL(server.url + EXECUTE).pathname} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n`,
      "OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
      "CONNECT host:80 HTTP/1.1\r\nhost: x\r\n\r\n"
    ]
    for (const bytes of garbage) {
      await connected(server, async (connection) => {
        await connection.send(bytes)
        connection.end()
        const answer = await connection.answer()
        // `OPTIONS *` is HTTP, and asks nothing of any path.
        const fine = bytes.startsWith("OPTIONS") ? [200, 204] : []
        if (answer !== undefined) {
          expect(
            answer.status >= 400 || fine.includes(answer.status),
            `${answer.status} to ${bytes.slice(0, 40)}`
          ).toBe(true)
        }
      })
    }
  })

  test("bodies that are refused do not pile up in memory", async ({ annotate }) => {
    const megabytes = async (): Promise<number> => (await get(server, "/health")).json.memory_mb
    const refuse = (index: number): Promise<void> =>
      connected(server, async (connection) => {
        const chunked = index % 2 === 0
        await connection.request(
          "POST",
          EXECUTE,
          chunked ? { ...JSON_TYPE, "transfer-encoding": "chunked" } : withLength(17 * PIECE.length)
        )
        await stream(connection, 17, chunked)
        const answer = await connection.answer()
        expect(answer?.status).toBe(413)
      })
    const refuseMany = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += 10) {
        await Promise.all(Array.from({ length: 10 }, (_, index) => refuse(index)))
      }
    }
    await refuseMany(50)
    const before = await megabytes()
    await refuseMany(300)
    const after = await megabytes()
    await annotate(`memory: ${before} MB, after 300 refused bodies ${after} MB`)
    expect(after - before).toBeLessThan(150)
  })

  test("many clients that go away while they wait do no harm", async () => {
    const gate = unused()
    const body = JSON.stringify({ parameters: { gate }, wait: true, timeout: 60 })
    const id = await register(server, ["arrive", "hold", "leave"])
    const clients = await Promise.all(Array.from({ length: 50 }, () => RawConnection.open(server)))
    for (const client of clients) {
      await client.request("POST", pathOf(id, "/execute"), withLength(body.length))
      await client.send(body)
    }
    await until("a run", async () => ((await statusOf(server, id)).status === "RUNNING" ? true : undefined))
    for (const client of clients) client.destroy()
    const last = await start(server, id, { gate })
    expect((await execute(server, "open_gate", { gate })).status).toBe(200)
    expect((await resultOf(server, last)).json.result).toBe(gate)
  })
}
