/** What goes over one connection: HTTP as its RFCs have it, down to what only proxies and load balancers send. */
import { expect, test } from "vitest"
import { type Server, until } from "../../http/harness/Client.ts"
import { connected, JSON_TYPE, withLength } from "../../http/harness/RawConnection.ts"

const EXECUTE = "/pipelines/my_pipeline/execute"
const BODY = JSON.stringify({ parameters: { data: "raw" }, wait: true })

export const connecting = (server: Server): void => {
  test("requests in one go on one connection are answered in order", () =>
    connected(server, async (connection) => {
      const { basePath: base, host } = connection
      await connection.send(
        [
          `HEAD ${base}/pipelines HTTP/1.1\r\nhost: ${host}\r\n\r\n`,
          `GET ${base}/pipelines/my_pipeline/dag HTTP/1.1\r\nhost: ${host}\r\n\r\n`,
          `OPTIONS ${base}/pipelines HTTP/1.1\r\nhost: ${host}\r\n\r\n`,
          `POST ${base}${EXECUTE} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
          `GET ${base}/absent HTTP/1.1\r\nhost: ${host}\r\n\r\n`
        ].join("")
      )
      const head = await connection.answer(true)
      expect([head?.status, head?.headers.get("content-type")]).toEqual([200, "application/json"])
      expect(JSON.parse((await connection.answer())!.body).nodes).toHaveLength(1)
      expect((await connection.answer())?.headers.get("allow")).toContain("GET")
      const executed = await connection.answer()
      // Bun closes a connection on which a request comes while an answer is being waited for; so a client sends it again.
      if (executed === undefined) return
      expect(JSON.parse(executed.body).result).toEqual({ processed: "RAW" })
      expect((await connection.answer())?.status).toBe(404)
      expect(connection.rest).toBe("")
    }))

  test("a refused request leaves the connection usable, or closed", async () => {
    const refusals: ReadonlyArray<readonly [status: number, headers: Readonly<Record<string, string>>, body: string]> =
      [
        [400, withLength(1), "{"],
        [404, withLength(2), "{}"],
        [413, withLength(2_000_000), " ".repeat(2_000_000)],
        [415, { "content-type": "text/plain", "content-length": "4" }, "text"]
      ]
    for (const [status, headers, body] of refusals) {
      await connected(server, async (connection) => {
        await connection.request("POST", status === 404 ? "/absent" : EXECUTE, headers)
        await connection.send(body)
        expect((await connection.answer())?.status).toBe(status)
        await connection.request("GET", "/health")
        const next = await connection.answer()
        if (next !== undefined) expect(next.status, `after ${status}`).toBe(200)
      })
    }
  })

  test("a body may come slowly, byte by byte, in chunks or not", async () => {
    await connected(server, async (connection) => {
      await connection.request("POST", EXECUTE, withLength(BODY.length))
      for (const byte of BODY) await connection.send(byte)
      expect(JSON.parse((await connection.answer())!.body).result).toEqual({ processed: "RAW" })
    })
    await connected(server, async (connection) => {
      await connection.request("POST", EXECUTE, { ...JSON_TYPE, "transfer-encoding": "chunked" })
      for (const byte of BODY) await connection.send(`1\r\n${byte}\r\n`)
      await connection.send("0\r\n\r\n")
      expect(JSON.parse((await connection.answer())!.body).result).toEqual({ processed: "RAW" })
    })
  })

  test("strange paths are strange paths, not others", async () => {
    const ask = (path: string): Promise<{ readonly status: number; readonly body: string } | undefined> =>
      connected(server, async (connection) => {
        await connection.request("GET", path)
        return connection.answer()
      })
    for (const path of [
      "//pipelines",
      "/pipelines//status",
      "/pipelines//my_pipeline/dag",
      "/pipelines/%ZZ/status",
      "/pipelines/%/status",
      "/pipelines/%C3%28/dag",
      "/pipelines/%E0%A4%A/dag",
      "/%70ipelines/absent/dag",
      "/pipelines/my_pipeline%2Fdag",
      "/pipelines/my_pipeline%00/dag",
      "/pipelines;x=1",
      "/pipelines/my_pipeline/dag/"
    ]) {
      const answer = await ask(path)
      expect([400, 404, 405], `${path} ${answer?.body}`).toContain(answer?.status)
    }
    // A server may resolve dots before we see them; then it is the path that they lead to.
    for (const path of ["/pipelines/../health", "/pipelines/%2e%2e/health", "/./health", "/../../../../etc/passwd"]) {
      const answer = await ask(path)
      expect([200, 400, 404], path).toContain(answer?.status)
      if (answer?.status === 200) expect(JSON.parse(answer.body).status).toBe("healthy")
    }
  })

  // RFC 9112, 3.2.2: a server must accept the absolute form, although only proxies are sent it.
  test("a path may be asked for by its whole URL", () =>
    connected(server, async (connection) => {
      const { basePath, host } = connection
      await connection.send(`GET http://${host}${basePath}/pipelines/my_pipeline/dag HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
      expect((await connection.answer())?.status).toBe(200)
    }))

  // Load balancers ask for the health of a server like this.
  test("HTTP/1.0 without a Host header is answered", () =>
    connected(server, async (connection) => {
      await connection.send(`GET ${connection.basePath}/health HTTP/1.0\r\n\r\n`)
      const answer = await connection.answer()
      expect([answer?.status, JSON.parse(answer?.body ?? "null")?.status]).toEqual([200, "healthy"])
      await connection.closed
    }))

  test("a Host header is no part of the path", async () => {
    const ask = (path: string, host: string): Promise<number | undefined> =>
      connected(server, async (connection) => {
        // Below a base path, what is to be smuggled has it in front, too.
        await connection.request("GET", path, { host: host.replace("/health", `${connection.basePath}/health`) })
        return (await connection.answer())?.status
      })
    for (const host of ["x/health", "x/health?", "x/health#", "x/y/"]) {
      expect([400, 403, 404, undefined], `at '${host}'`).toContain(await ask("/absent", host))
    }
    for (const host of ["", "a b", "[::1", "x:y@z", "x\\y", "é"]) {
      expect([200, 400, 403, undefined], `at '${host}'`).toContain(await ask("/health", host))
    }
  })

  test("a wish to speak something else is left unheard, body and all", () =>
    connected(server, async (connection) => {
      // As Java's client sends it.
      const wish = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAEAAEAAAAIAAAAB" }
      for (const body of [BODY, BODY]) {
        await connection.request("POST", EXECUTE, { ...withLength(body.length), ...wish })
        await connection.send(body)
        const answer = await connection.answer()
        // Deno's own server refuses the wish, and closes.
        if (answer?.status === 400 && answer.body === "") return
        expect([answer?.status, JSON.parse(answer!.body).result]).toEqual([200, { processed: "RAW" }])
      }
    }))

  test("who asks whether to send its body is told", async () => {
    await connected(server, async (connection) => {
      await connection.request("POST", EXECUTE, { ...withLength(BODY.length), expect: "100-continue" })
      // Only what comes makes this client go on.
      await until("a word", async () => (connection.answered ? true : undefined))
      await connection.send(BODY)
      expect((await connection.answer())?.status).toBe(200)
    })
    await connected(server, async (connection) => {
      await connection.request("POST", EXECUTE, { ...withLength(5_000_000), expect: "100-continue" })
      expect((await connection.answer())?.status).toBe(413)
    })
  })
}
