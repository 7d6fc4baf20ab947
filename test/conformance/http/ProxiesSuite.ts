/** Who asks, and over what, behind proxies and without: what is said of it counts as far as whoever says so is trusted. */
import { describe, expect, test } from "vitest"
import { KEYS } from "../../fixtures/access.ts"
import { type Answer, ask, expectErrorShape, type Json, type Server } from "../../http/harness/Client.ts"
import { apiKey } from "../../http/harness/Credentials.ts"
import { connected, type RawAnswer } from "../../http/harness/RawConnection.ts"

type Headers = Readonly<Record<string, string>>

/** The servers that this is about; see `choices`. */
export interface Servers {
  readonly limited: Server
  readonly forwarded: Server
  readonly strict: Server
  readonly exposed: Server
}

const EXECUTE = "/pipelines/my_pipeline/execute"
const EXECUTION = { parameters: { data: "x" } }
const PERMITS = 10

/** Says a request line by line, in whatever words. */
export const said = (
  server: Server,
  first: string,
  lines: ReadonlyArray<string>,
  body = ""
): Promise<RawAnswer | undefined> =>
  connected(server, async (connection) => {
    await connection.send([first, `host: ${connection.host}`, ...lines, "", body].join("\r\n"))
    return connection.answer(first.startsWith("HEAD"))
  })

const OVER_HTTPS: ReadonlyArray<Headers> = [
  { "x-forwarded-proto": "https" },
  { "x-forwarded-proto": "HTTPS" },
  { "x-forwarded-proto": "http, https" },
  { "x-forwarded-proto": "https", "x-forwarded-for": "198.51.100.1" },
  { "x-forwarded-proto": "http, https", "x-forwarded-for": "6.6.6.6, 198.51.100.1" },
  { "x-forwarded-proto": "https", "x-forwarded-for": "127.0.0.1, ::1, 127.0.0.1" },
  { "x-forwarded-proto": "https", "x-forwarded-for": "2001:db8::1" },
  { "x-forwarded-proto": "https", "x-forwarded-for": `${"x".repeat(6_000)}, 198.51.100.1` }
]

const OVER_HTTP: ReadonlyArray<Headers> = [
  {},
  { "x-forwarded-proto": "http" },
  { "x-forwarded-proto": "https, http" },
  { "x-forwarded-proto": "https:" },
  { "x-forwarded-proto": "httpss" },
  { "x-forwarded-proto": "https, http", "x-forwarded-for": "6.6.6.6, 198.51.100.1" },
  { "x-forwarded-for": "https" },
  { "x-forwarded-ssl": "on", "front-end-https": "on", "x-forwarded-scheme": "https", "x-url-scheme": "https" },
  { "x-forwarded-port": "443", "x-forwarded-host": "https://x", origin: "https://x", referer: "https://x/" },
  { "x-real-ip": "198.51.100.1", "cf-visitor": '{"scheme":"https"}' }
]

const FORWARDED_HTTPS = [
  "proto=https",
  "for=198.51.100.1;proto=https",
  "For=198.51.100.1; Proto=HTTPS",
  'for="[2001:db8::1]:4711";proto="https"',
  "for=unknown;proto=https",
  "for=6.6.6.6;proto=http, for=198.51.100.1;proto=https"
].map((forwarded): Headers => ({ forwarded }))

const FORWARDED_HTTP = [
  "",
  "proto=http",
  "for=6.6.6.6;proto=https, for=198.51.100.1;proto=http",
  'for="6.6.6.6;proto=https", for=198.51.100.1',
  "by=proto=https",
  "xproto=https",
  "https"
].map((forwarded): Headers => ({ forwarded }))

const HTTPS = { "x-forwarded-proto": "https" }

/** How an unencrypted request is refused. */
const isRefused = async (server: Server, headers: Headers): Promise<boolean> => {
  const { status, json } = await ask(server, "GET", "/pipelines", { headers: { ...apiKey(KEYS.owner), ...headers } })
  return status === 403 && json.error === "HttpsRequiredError"
}

export const proxying = ({ limited, forwarded, strict, exposed }: Servers): void => {
  describe("HTTPS is required", () => {
    const table: ReadonlyArray<readonly [string, Server, ReadonlyArray<Headers>, refused: boolean]> = [
      ["a trusted proxy says that it was", limited, OVER_HTTPS, false],
      ["a trusted proxy does not say so", limited, [...OVER_HTTP, ...FORWARDED_HTTPS], true],
      ["a trusted proxy says so in the other header", forwarded, FORWARDED_HTTPS, false],
      ["it is not said there", forwarded, [...FORWARDED_HTTP, ...OVER_HTTP, ...OVER_HTTPS], true],
      ["anybody says so", strict, [...OVER_HTTP, ...OVER_HTTPS, ...FORWARDED_HTTP, ...FORWARDED_HTTPS], true]
    ]
    test.each(table)("%s", async (_, server, all, refused) => {
      const found = await Promise.all(all.map((headers) => isRefused(server, headers)))
      expect(all.filter((_, at) => found[at] !== refused)).toEqual([])
    })

    test("before anybody is asked who they are, and whatever they send", async () => {
      for (const headers of [{}, apiKey("none"), apiKey(KEYS.owner), { authorization: "Bearer x" }]) {
        const { status, json } = await ask(strict, "POST", EXECUTE, { headers, body: "{" })
        expect([status, json.error]).toEqual([403, "HttpsRequiredError"])
      }
      expect((await ask(limited, "GET", "/pipelines", { headers: HTTPS })).status).toBe(401)
      expect((await ask(strict, "GET", "/health")).status).toBe(200)
    })

    test("the request may not say so itself, by its whole URL or its host", async () => {
      const { host } = new URL(strict.url)
      const key = `x-api-key: ${KEYS.owner}`
      for (const target of [
        `https://${host}/pipelines`,
        `HTTPS://${host}/pipelines`,
        "https:/pipelines",
        "https:pipelines"
      ]) {
        const answer = await said(strict, `GET ${target} HTTP/1.1`, [key])
        expect([undefined, 400, 403, 404], `${target} ${answer?.body}`).toContain(answer?.status)
      }
      for (const own of ["https://x", "https:", "x:443"]) {
        const answer = await connected(strict, async (connection) => {
          await connection.send(`GET /pipelines HTTP/1.1\r\nhost: ${own}\r\n${key}\r\n\r\n`)
          return connection.answer()
        })
        expect([undefined, 400, 403, 404], `${own} ${answer?.body}`).toContain(answer?.status)
      }
    })

    test("browsers are told to stay with it, over HTTPS alone", async () => {
      const told = async (server: Server, headers: Headers, path = "/health"): Promise<string | null> =>
        (await ask(server, "GET", path, { headers })).headers.get("strict-transport-security")
      for (const path of ["/health", "/pipelines", "/absent"])
        expect(await told(limited, HTTPS, path)).toMatch(/^max-age=\d{7,}/)
      expect([await told(limited, {}), await told(strict, HTTPS), await told(exposed, HTTPS)]).toEqual([
        null,
        null,
        null
      ])
    })
  })

  describe("limits by address", () => {
    let last = 0
    /** An address that nobody else has. */
    const unused = (): string => `203.0.113.${++last}`
    const from = (address: string): Headers => ({ ...HTTPS, "x-forwarded-for": address })
    const stranger = (server: Server, headers: Headers): Promise<Answer> =>
      ask(server, "POST", EXECUTE, { json: EXECUTION, headers })
    /** What requests are answered, one after the other. */
    const played = async (server: Server, all: ReadonlyArray<Headers>): Promise<ReadonlyArray<number>> => {
      const statuses: Array<number> = []
      for (const headers of all) statuses.push((await stranger(server, headers)).status)
      return statuses
    }
    const LIMITED = [...Array.from({ length: PERMITS }, () => 401), 429]
    const times = (make: (at: number) => Headers): ReadonlyArray<Headers> =>
      Array.from({ length: PERMITS + 1 }, (_, at) => make(at))

    test("the eleventh within a minute is a 429 that says when to come back; others are not concerned", async () => {
      const address = unused()
      expect(
        await played(
          limited,
          times(() => from(address))
        )
      ).toEqual(LIMITED)
      const { status, headers, json } = await stranger(limited, from(address))
      expect([status, json.error]).toEqual([429, "RateLimitedError"])
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0)
      expect(Number(headers.get("retry-after"))).toBeLessThanOrEqual(60)
      expect(headers.get("ratelimit-policy")).toBe('"execute";q=10;w=60')
      expect(headers.get("ratelimit")).toMatch(/^"execute";r=0;t=\d+$/)
      expect((await stranger(limited, from(unused()))).status).toBe(401)
      // Nor is who is known behind the same address.
      expect((await stranger(limited, { ...from(address), ...apiKey(KEYS.owner) })).status).toBe(202)
      // What is not limited is still there for them.
      expect((await ask(limited, "GET", "/pipelines", { headers: from(address) })).status).toBe(401)
    })

    test("count whom the nearest proxy names, whatever stands before", async () => {
      const [plain, twice, long, other] = [unused(), unused(), unused(), unused()]
      expect(
        await played(
          limited,
          times((at) => from(`6.6.6.${at}, ${plain}`))
        )
      ).toEqual(LIMITED)
      expect(
        await played(
          limited,
          times((at) => from(`${"6.6.6.6, ".repeat(at * 60)}${long}`))
        )
      ).toEqual(LIMITED)
      expect(
        await played(
          limited,
          times((at) => from(at % 2 ? `${other}:${at + 1_000}` : `::ffff:${other}`))
        )
      ).toEqual(LIMITED)
      expect(
        await played(
          limited,
          times((at) => ({ ...from(`2001:db8:1:1::${at}`), "x-real-ip": `6.6.6.${at}` }))
        )
      ).toEqual(LIMITED)
      const statuses: Array<number | undefined> = []
      for (const at of times(() => ({})).keys()) {
        const lines = [`x-forwarded-for: 6.6.6.${at}`, "x-forwarded-proto: https", `x-forwarded-for: ${twice}`]
        statuses.push((await said(limited, `POST ${EXECUTE} HTTP/1.1`, [...lines, "content-length: 0"]))?.status)
      }
      expect(statuses).toEqual(LIMITED)
    })

    test("count the other header's, where that is the one", async () => {
      const statuses: Array<number> = []
      for (const at of [1, 2, 3, 4]) {
        const headers = { forwarded: `for=6.6.6.${at}, for=198.51.100.9;proto=https`, "x-forwarded-for": `6.6.7.${at}` }
        statuses.push((await ask(forwarded, "GET", "/pipelines", { headers })).status)
      }
      expect(statuses).toEqual([401, 401, 401, 429])
    })

    test("count whoever connects, where no proxy is trusted", async () => {
      const spoofed = times((at) => ({
        "x-forwarded-for": `6.6.6.${at}`,
        forwarded: `for=6.6.6.${at}`,
        "x-real-ip": `6.6.6.${at}`,
        "cf-connecting-ip": `6.6.6.${at}`,
        "true-client-ip": `6.6.6.${at}`
      }))
      expect(await played(exposed, spoofed)).toEqual(LIMITED)
    })
  })

  test("limits by principal count wherever somebody comes from; each answer says what is left", async () => {
    const execute = (address: number, key: string): Promise<Answer> =>
      ask(limited, "POST", EXECUTE, {
        json: EXECUTION,
        headers: { ...HTTPS, "x-forwarded-for": `192.0.2.${address}`, ...apiKey(key) }
      })
    for (let at = 1; at <= PERMITS; at++) {
      const { status, headers } = await execute(at, KEYS.other)
      expect([status, headers.get("ratelimit")?.split(";t=")[0]]).toEqual([202, `"execute";r=${PERMITS - at}`])
    }
    const refused = await execute(99, KEYS.other)
    expectErrorShape(refused)
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, expect.stringMatching(/^\d+$/)])
    expect((await execute(99, KEYS.glob)).status).toBe(403)
    expect((await execute(99, KEYS.executes)).status).toBe(202)
  })

  test("the audit log names whom the proxy names", async () => {
    const headers = {
      ...HTTPS,
      ...apiKey(KEYS.owner),
      "x-forwarded-for": "6.6.6.6, 198.51.100.77",
      "x-request-id": "from-77"
    }
    await ask(limited, "GET", "/pipelines", { headers })
    const { json } = await ask(limited, "GET", "/audit?principal=ApiKey:owner&limit=50", { headers })
    const record = json.records.find(
      ({ request_id, operation }: Json) => request_id === "from-77" && operation === "GET /pipelines"
    )
    expect(record).toMatchObject({ address: "198.51.100.77", outcome: "allowed", principal: "ApiKey:owner" })
  })
}
