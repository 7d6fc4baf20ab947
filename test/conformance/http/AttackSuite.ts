/** Requests of an attacker: duplicate and malformed headers, strange paths, poisoned bodies. */
import { describe, expect, test } from "vitest"
import { KEYS } from "../../fixtures/access.ts"
import { type Answer, ask, get, type Server } from "../../http/harness/Client.ts"
import { contract, pathFor } from "../../http/harness/Contract.ts"
import { apiKey, bearer, claims, jwt } from "../../http/harness/Credentials.ts"
import { JSON_TYPE, RawConnection, withConnection, withLength } from "../../http/harness/RawConnection.ts"
import { sendLines } from "./ProxiesSuite.ts"

const GET = "GET /pipelines HTTP/1.1"
const KEY = `x-api-key: ${KEYS.owner}`
const OWNER = apiKey(KEYS.owner)
const TARGET = { pipeline: "my_pipeline", run: "no_run", schedule: "no_schedule" }
const TOKEN = `authorization: Bearer ${jwt(claims("admin"))}`

/** Every path that takes a body, with a following request that would show an effect. */
const TAKING = Object.entries(contract)
  .filter(([, { body }]) => body !== undefined)
  .map(([key]) => key.split(" ") as [string, string])
  .map(([method, path]) => [method, pathFor(path, TARGET)] as const)

export const attackSuite = (server: Server, printed: () => string): void => {
  describe("headers", () => {
    test.each<readonly [string, ReadonlyArray<string>, ReadonlyArray<number | undefined>]>([
      ["a key, for comparison", [KEY], [200]],
      ["a token, for comparison", [TOKEN], [200]],
      ["two keys, one of them good", ["x-api-key: none", KEY], [403]],
      ["two keys, the other one good", [KEY, "x-api-key: none"], [403]],
      ["a good key twice", [KEY, KEY], [403]],
      ["a good key and an empty one", [KEY, "x-api-key:"], [403]],
      ["two tokens", [TOKEN, "authorization: Bearer none"], [401]],
      ["two tokens, the other one good", ["authorization: Bearer none", TOKEN], [401]],
      ["a token behind Basic credentials", ["authorization: Basic eDp5", TOKEN], [401]],
      ["a good token twice", [TOKEN, TOKEN], [401]],
      ["a key and a token", [KEY, TOKEN], [401]],
      // RFC 9112, 5.1 and 5.2: none of them may be read as another header.
      ["a space before the colon", [KEY.replace(":", " :")], [400, 401, undefined]],
      [
        "a name that only looks like it",
        [KEY.replaceAll("-", "_").replace("x_api_key", "X_API_KEY")],
        [400, 401, undefined]
      ],
      ["a key that is folded", [KEY.slice(0, 30), ` ${KEY.slice(30)}`], [400, 401, 403, undefined]],
      ["a key with NUL at the end", [`${KEY}\0`], [400, 401, 403, undefined]],
      ["a key with NUL and more text at the end", [`${KEY}\0x`], [400, 401, 403, undefined]],
      ["a key with CR in it", [KEY.replace("owner", "ow\rner")], [400, 401, 403, undefined]],
      ["a header that ends with LF only", [`x: y\n${KEY.replace("hush", "mush")}`], [400, 401, 403, undefined]],
      ["bytes that are not text", ["x-api-key: \xff\xfe"], [400, 401, 403, undefined]],
      ["a token in a cookie", [`cookie: token=${KEYS.owner}; authorization=${KEYS.owner}`], [401]],
      ["a token for the proxy", [`proxy-authorization: Bearer ${jwt(claims("admin"))}`], [401]],
      [
        "another method that claims to be GET",
        ["x-http-method-override: OPTIONS", "x-original-url: /health", "x-rewrite-url: /health"],
        [401]
      ]
    ])("%s", async (_, lines, statuses) => {
      const answer = await sendLines(server, GET, lines)
      expect(statuses, answer?.body).toContain(answer?.status)
    })

    test("a request within a request's body is not executed", async () => {
      const inner = `${GET}\r\nhost: x\r\n${KEY}\r\n\r\n`
      await withConnection(server, async (connection) => {
        await connection.request("POST", "/pipelines/my_pipeline/execute", {
          ...withLength(5 + inner.length),
          "transfer-encoding": "chunked"
        })
        await connection.send(`0\r\n\r\n${inner}`)
        // Whichever length counts, only this client gets an answer that its own key opens.
        const first = await connection.answer()
        if (first !== undefined) expect([400, 401]).toContain(first.status)
      })
      for (const coding of ["xchunked", "chunked, identity", "identity", " chunked\r\ntransfer-encoding: x"]) {
        await withConnection(server, async (connection) => {
          await connection.request("POST", "/pipelines/my_pipeline/execute", {
            ...OWNER,
            ...JSON_TYPE,
            "transfer-encoding": coding
          })
          await connection.send(`0\r\n\r\n`)
          connection.end()
          const answer = await connection.answer()
          if (answer !== undefined) expect(answer.status, coding).toBeGreaterThanOrEqual(400)
        })
      }
    })

    test("a valid request id is kept and is in the audit log; an invalid one is replaced", async () => {
      const given = async (lines: ReadonlyArray<string>, first = GET) =>
        (await sendLines(server, first, lines))?.headers
      for (const first of [GET, "HEAD /pipelines HTTP/1.1", "GET /absent HTTP/1.1", "OPTIONS /pipelines HTTP/1.1"]) {
        expect((await given(["x-request-id: a-B.1_2:3", KEY], first))?.get("x-request-id"), first).toBe("a-B.1_2:3")
      }
      const { json } = await ask(server, "GET", "/audit?limit=1000", { headers: OWNER })
      expect(json.records.map(({ request_id }: { readonly request_id: string }) => request_id)).toContain("a-B.1_2:3")
      for (const id of [
        "",
        "a b",
        "a,b",
        "x".repeat(129),
        "<script>",
        "%0d%0aset-cookie:a=1",
        "é",
        '"',
        "a\tb",
        "../x",
        "{}"
      ]) {
        expect((await given([`x-request-id: ${id}`]))?.get("x-request-id"), id).toMatch(/^[\da-f-]{36}$/)
      }
      expect((await given(["x-request-id: a", "x-request-id: b"]))?.get("x-request-id")).toMatch(/^[\da-f-]{36}$/)
      for (const break_ of ["\r\n", "\n", "\r"]) {
        const headers = await given([`x-request-id: a${break_}set-cookie: a=1`])
        expect(headers?.get("set-cookie"), JSON.stringify(break_)).toBeUndefined()
        expect(headers?.get("x-request-id") ?? "none").not.toContain("cookie")
      }
    })
  })

  describe("paths", () => {
    test("none bypasses authentication, however it is written", async () => {
      const rests = ["pipelines", "runs", "audit", "pipelines/my_pipeline/dag", "schedules"]
      const ways = (rest: string): ReadonlyArray<string> => [
        `//${rest}`,
        `/./${rest}`,
        `/health/../${rest}`,
        `/health/%2e%2e/${rest}`,
        `/health/..%2f${rest}`,
        `/health%2f..%2f${rest}`,
        `/health;/../${rest}`,
        `/health;${rest}`,
        `/health/;/${rest}`,
        `/health?/../${rest}`.replace("?", "%3f"),
        `/health#/../${rest}`.replace("#", "%23"),
        `/${rest}/`,
        `/${rest};a=b`,
        `/${rest}%00`,
        `/${rest}%20`,
        `/${rest}.json`,
        `/${rest}%2f`,
        `/${rest}?`,
        `/${rest.toUpperCase()}`,
        `/%${rest.charCodeAt(0).toString(16)}${rest.slice(1)}`,
        `/api/v1/api/v1/${rest}`,
        `/api/v1//${rest}`,
        `/api//v1/${rest}`,
        `/api/V1/${rest}`,
        `/api/v1/health/../../../${rest}`,
        `\\${rest}`,
        `/\\${rest}`,
        `/health\\..\\${rest}`
      ]
      const wrong: Array<string> = []
      for (const way of rests.flatMap(ways)) {
        const status = (await sendLines(server, `GET ${way} HTTP/1.1`, []))?.status
        if (![undefined, 400, 401, 404, 405].includes(status)) wrong.push(`${way}: ${status}`)
      }
      expect(wrong).toEqual([])
    })

    test("an id is matched after unescaping: no other spelling of it bypasses its ACL", async () => {
      const spellings = [
        "%66low_00",
        "flow%5f00",
        "flow_0%30",
        "flow_00%00",
        "FLOW_00",
        "flow_00%20",
        "flow_00%2f",
        "my_pipeline%2f..%2fflow_00"
      ]
      for (const id of [
        ...spellings,
        "my_pipeline/../flow_00",
        "my_pipeline/%2e%2e/flow_00",
        "my_pipeline%2Fx",
        "__proto__",
        "*",
        "%2a"
      ]) {
        const { status, body } = (await sendLines(server, `GET /pipelines/${id}/dag HTTP/1.1`, [
          `x-api-key: ${KEYS.other}`
        ]))!
        expect([400, 403, 404], `${id} ${body}`).toContain(status)
      }
    })

    test("no part of a URL is a credential, and no credential in a URL is echoed or stored", async () => {
      const secrets = [KEYS.viewer, jwt(claims("viewer"))]
      for (const name of ["token", "access_token", "api_key", "apikey", "key", "x-api-key", "authorization"]) {
        for (const secret of secrets) {
          for (const path of ["/pipelines", "/runs", "/absent", "/pipelines/my_pipeline/dag"]) {
            const { status, text, headers } = await get(server, `${path}?${name}=${secret}`)
            expect([401, 404]).toContain(status)
            expect(`${text}${JSON.stringify([...headers])}`).not.toContain(secret)
          }
        }
      }
      const { host } = new URL(server.url)
      expect([400, 401]).toContain(
        (await sendLines(server, `GET http://${KEYS.owner}:${KEYS.owner}@${host}/pipelines HTTP/1.1`, []))?.status
      )
      for (const secret of secrets) expect(printed()).not.toContain(secret)
    })
  })

  test("a narrowed token may be in the URL of a stream, because browsers can't send headers there; no other credential may", async () => {
    const execution = { json: { parameters: { data: "x" }, wait: true }, headers: OWNER }
    const { json } = await ask(server, "POST", "/pipelines/my_pipeline/execute", execution)
    const wish = { json: { task_id: json.task_id }, headers: OWNER }
    const { token } = (await ask(server, "POST", "/tokens", wish)).json
    const events = `/runs/${json.task_id}/events`
    const told = await get(server, `${events}?token=${token}`)
    expect([told.status, told.text.match(/^id: /gm)?.length]).toEqual([200, 4])
    expect((await get(server, `${events}?after=2&token=${token}&x=1`)).status).toBe(200)
    for (const path of [
      `/runs/${json.task_id}?token=${token}`,
      `/runs/${json.task_id}/logs?token=${token}`,
      `${events}?token=${KEYS.owner}`,
      `${events}?token=${jwt(claims("admin"))}`,
      `${events}?token=${token}x`,
      `${events}?xtoken=${token}`,
      `${events}?token=lvt_${"A".repeat(43)}`
    ]) {
      expect((await get(server, path)).status, path).toBe(401)
    }
    // A header takes precedence, whatever its value.
    const beside = await ask(server, "GET", `${events}?token=${token}`, { headers: { authorization: "Bearer x" } })
    expect(beside.status).toBe(401)
    const { text } = await ask(server, "GET", "/audit/lines?limit=1000", { headers: OWNER })
    expect(text + printed()).not.toContain(token)
  })

  describe("bodies", () => {
    const send = (method: string, path: string, body: string): Promise<Answer> =>
      ask(server, method, path, { body, headers: { ...OWNER, "content-type": "application/json" } })

    test("names that every object inherits have no effect in any body", async () => {
      for (const key of ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"]) {
        for (const [method, path] of TAKING) {
          const poison = `{"isAllowed":true,"read":["outsider"],"parameters":{"data":"x"},"pipeline_id":"my_pipeline"}`
          for (const body of [`{"${key}":${poison}}`, `{"${key}":null}`, `{"${key}":["outsider"]}`]) {
            const { status, text } = await send(method, path, body)
            // The run is looked up first; it does not exist.
            expect([400, 404], `${method} ${path} ${body}: ${text}`).toContain(status)
          }
        }
      }
      expect((await ask(server, "GET", "/pipelines/my_pipeline/acl", { headers: OWNER })).json.acl).toBeNull()
      expect((await get(server, "/pipelines")).status).toBe(401)
      expect((await ask(server, "GET", "/pipelines", { headers: apiKey("__proto__") })).status).toBe(403)
      expect(
        (await ask(server, "GET", "/pipelines?__proto__=x&constructor=y&limit=1", { headers: OWNER })).status
      ).toBe(200)
      for (const role of ["__proto__", "constructor", "toString"]) {
        const headers = bearer(jwt(claims(role)))
        expect((await ask(server, "GET", "/pipelines", { headers })).status).toBe(403)
      }
    })

    test("deep, wide or long values are refused in every body", async () => {
      const deep = "[".repeat(100_000) + "]".repeat(100_000)
      for (const [method, path] of TAKING) {
        for (const body of [
          deep,
          `{"read":${deep}}`,
          `{"parameters":${deep}}`,
          `{"${"k".repeat(100_000)}":1}`,
          "[]",
          "null",
          '"x"'
        ]) {
          const { status, text } = await send(method, path, body)
          // The unknown run is reported first.
          expect(status, `${method} ${path} ${body.slice(0, 20)}`).toBe(
            path.startsWith(`/runs/${TARGET.run}/`) ? 404 : 400
          )
          expect(text.length).toBeLessThan(20_000)
        }
        const long = await send(method, path, `{"read":["${"x".repeat(1_100_000)}"]}`)
        expect(long.status).toBe(path.startsWith(`/runs/${TARGET.run}/`) ? 404 : 413)
      }
    })

    test.each([
      ["many names", { read: Array.from({ length: 1_001 }, (_, at) => `role${at}`) }],
      ["a long name", { read: ["x".repeat(251)] }],
      ["an empty name", { read: [""] }],
      ["an invalid name", { read: [["admin"]] }],
      ["names that look like a list", { read: { length: 1, 0: "admin" } }],
      ["a string in place of names", { read: "admin" }],
      ["an unknown permission", { write: ["admin"] }],
      ["a permission in capitals", { READ: ["admin"] }],
      ["no names", { read: null }]
    ])("an ACL with %s is refused", async (_, acl) => {
      const { status, json } = await ask(server, "PUT", "/pipelines/my_pipeline/acl", { json: acl, headers: OWNER })
      expect([status, json.error]).toEqual([400, "BodyInvalidError"])
    })

    test("slow senders delay no other client, whether they are known or not", async () => {
      const path = "/pipelines/my_pipeline/execute"
      const body = JSON.stringify({ parameters: { data: "slow" }, wait: true })
      const slow = await Promise.all(Array.from({ length: 20 }, () => RawConnection.open(server)))
      for (const [at, connection] of slow.entries()) {
        if (at % 2 === 0) {
          // A header without end, byte by byte.
          for (const byte of `POST ${path} HTTP/1.1\r\nhost: x\r\nx-api-k`) await connection.send(byte)
        } else {
          await connection.request("POST", path, { ...OWNER, ...withLength(body.length) })
          for (const byte of body.slice(0, 20)) await connection.send(byte)
        }
      }
      const answers = await Promise.all(
        slow.map(() => ask(server, "POST", path, { json: JSON.parse(body), headers: OWNER }))
      )
      expect(answers.map(({ status }) => status)).toEqual(slow.map(() => 200))
      // A client that resumes is answered.
      await slow[1]!.send(body.slice(20))
      expect((await slow[1]!.answer())?.status).toBe(200)
      for (const connection of slow) connection.destroy()
    })
  })
}
