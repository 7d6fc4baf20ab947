/** Who may do what over HTTP: every route under both prefixes for everybody who may come, against the contract's table. */
import { Redis } from "ioredis"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { routes } from "../../../adapters/http/index.ts"
import { FLOWS, KEYS } from "../../fixtures/access.ts"
import { type Answer, ask, type Json, type Server, textOf } from "../../http/harness/Client.ts"
import { aclIs, contract, Maker, pathFor, type Row, type Target } from "../../http/harness/Contract.ts"
import { apiKey, type Comer, comers, expected, secretsOf } from "../../http/harness/Credentials.ts"
import type { Launched } from "../../http/harness/launch.ts"
import { connected, JSON_TYPE, withLength } from "../../http/harness/RawConnection.ts"

const OWNER = apiKey(KEYS.owner)
const PREFIXES = ["", "/api/v1"]
const SCHEMES = 'ApiKey realm="levada", Bearer realm="levada"'

/** How many requests are under way at once. */
const AT_ONCE = 16

const ABSENT: Target = { pipeline: FLOWS[1]!, run: "00000000000000000000", schedule: "flow_of_nobody" }

/** One request of the matrix. */
interface Case {
  readonly method: string
  readonly path: string
  readonly prefix: string
  readonly row: Row
  readonly comer: Comer
  readonly status: number
}

/** Where the Store of the server is. */
export interface Stored {
  readonly url: string
  readonly prefix: string
}

export const securing = (started: () => Launched, stored?: Stored): void => {
  const server: Server = {
    get url() {
      return started().url
    }
  }
  const maker = new Maker(server, OWNER, FLOWS.slice(2, -3))
  let target: Target
  let everybody: ReadonlyArray<Comer>
  const answers: Array<string> = []
  const given: Array<string> = []

  beforeAll(async () => {
    const pipeline = await maker.pipeline(FLOWS[0])
    aclIs((await ask(server, "GET", `/pipelines/${pipeline}/acl`, { headers: OWNER })).json.acl)
    target = { pipeline, run: await maker.run(pipeline), schedule: await maker.schedule(pipeline) }
    everybody = await comers(maker, target)
  })

  const send = async (method: string, path: string, comer: Comer, json?: Json): Promise<Answer> => {
    // Without all that `ask` looks at: there are thousands of these.
    const response = await fetch(server.url + path, {
      method,
      headers: { ...comer.headers, ...(json !== undefined && JSON_TYPE) },
      ...(json !== undefined && { body: JSON.stringify(json) })
    })
    const { status, headers } = response
    const text = await textOf(response)
    const isJson = headers.get("content-type") === "application/json" && text !== ""
    const answer = { status, headers, text, json: isJson ? JSON.parse(text) : undefined }
    answers.push(`${[...answer.headers].join()} ${answer.json?.token === undefined ? answer.text : ""}`)
    if (answer.json?.token !== undefined) given.push(answer.json.token)
    return answer
  }

  const cases = (): ReadonlyArray<Case> =>
    Object.entries(contract).flatMap(([key, row]) => {
      const [method, path] = key.split(" ") as [string, string]
      // Every second one by the other prefix, which leads to the same.
      return everybody.map((comer, at) => {
        const prefix = PREFIXES[(at + path.length) % 2]!
        return { method, path, prefix, row, comer, status: expected(row, comer) }
      })
    })

  /** What is wrong with the answers to these. */
  const play = async (chosen: ReadonlyArray<Case>): Promise<ReadonlyArray<string>> => {
    const wrong: Array<string> = []
    await each(chosen, async ({ method, path, prefix, row, comer, status }) => {
      const at = { ...target, ...(status < 400 && (await row.fresh?.(maker))) }
      const answer = await send(method, prefix + pathFor(path, at), comer, row.body?.(at))
      const found = mistake(answer, status, comer)
      if (found !== undefined) wrong.push(`${comer.name}: ${method} ${path}: ${found}`)
    })
    return wrong
  }

  /** Everything that requests might change, but for the runs and records that reading makes none of. */
  const state = async (): Promise<ReadonlyArray<string>> => {
    const paths = ["/pipelines", `/pipelines/${target.pipeline}`, `/pipelines/${target.pipeline}/acl`, "/schedules"]
    const all = [...paths, "/runs?limit=200", `/runs/${target.run}`].map((path) =>
      ask(server, "GET", path, { headers: OWNER })
    )
    return (await Promise.all(all)).map(({ text }) => text)
  }

  test("every route is in the table, and nothing else", () => {
    expect(Object.keys(contract).sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort())
  })

  test("whoever may not do a thing is told so, and has changed nothing", async () => {
    const before = await state()
    expect(await play(cases().filter(({ status, row }) => status >= 400 && row.need !== "none"))).toEqual([])
    expect(await state()).toEqual(before)
  })

  test("whoever may is answered", { timeout: 60_000 }, async () => {
    expect(await play(cases().filter(({ status, row }) => status < 400 || row.need === "none"))).toEqual([])
  })

  test("HEAD asks for what GET asks for", async () => {
    const wrong: Array<string> = []
    // One of each that is answered the same: the way in is that of GET.
    const asked = cases().filter(({ method }) => method === "GET")
    const kinds = Map.groupBy(asked, ({ path, status }) => `${path} ${status}`)
    const reading = Array.from(kinds.values(), ([one]) => one!)
    expect(reading.length).toBeGreaterThan(60)
    await each(reading, async ({ path, comer, status }) => {
      const answer = await send("HEAD", pathFor(path, target), comer)
      if (answer.status !== status || answer.text !== "") wrong.push(`${comer.name}: HEAD ${path}: ${answer.status}`)
    })
    expect(wrong).toEqual([])
  })

  test("OPTIONS asks nobody, and tells the same of what is there and what is not", async () => {
    for (const path of new Set(Object.keys(contract).map((key) => key.split(" ")[1]!))) {
      const [there, not] = await Promise.all(
        [target, ABSENT].map((at) => ask(server, "OPTIONS", pathFor(path, at), { headers: apiKey("none") }))
      )
      expect([there!.status, there!.text, there!.headers.get("allow")]).toEqual([204, "", not!.headers.get("allow")])
    }
  })

  test("nobody can tell what is hidden from what is not there", async () => {
    const wrong: Array<string> = []
    const hidden = cases().filter(({ status, row: { over } }) => status >= 400 && over !== "any" && over !== "all")
    const isBlind = ({ comer: { here, refused, run } }: Case): boolean =>
      here.length === 0 && run === undefined && (refused === undefined || refused === "nothing")
    await each(hidden.filter(isBlind), async ({ method, path, row, comer }) => {
      const [there, not] = await Promise.all(
        [target, ABSENT].map(async (at) => withoutIds(await send(method, pathFor(path, at), comer, row.body?.(at)), at))
      )
      if (there !== not) wrong.push(`${comer.name}: ${method} ${path}: ${difference(there!, not!)}`)
    })
    expect(wrong).toEqual([])
  })

  test("lists show what may be seen, and nothing of the rest", async () => {
    const wrong: Array<string> = []
    const own = { "/pipelines": target.pipeline, "/runs?limit=200": target.run, "/schedules": target.schedule }
    await each(everybody, async (comer) => {
      if (comer.refused !== undefined || !comer.anywhere.includes("read")) return
      for (const [path, id] of Object.entries(own)) {
        const { text } = await send("GET", path, comer)
        const sees = comer.here.includes("read") && (comer.run === undefined || path.startsWith("/runs"))
        // What was asked for with another list shows nothing more.
        if (text.includes(`"${id}"`) !== sees) wrong.push(`${comer.name}: ${path} ${sees ? "lacks" : "shows"} ${id}`)
        if (!sees && /"flow_\d/.test(text)) wrong.push(`${comer.name}: ${path} shows pipelines: ${text}`)
      }
      const filtered = await send("GET", `/runs?pipeline_id=${target.pipeline}`, comer)
      if (!comer.here.includes("read") && filtered.text.includes(target.run)) wrong.push(`${comer.name}: filtered`)
    })
    expect(wrong).toEqual([])
  })

  test("no body of a stranger is waited for, whatever it is", async () => {
    const path = `/pipelines/${target.pipeline}/execute`
    const before = await state()
    const heads: ReadonlyArray<Readonly<Record<string, string>>> = [
      withLength(100),
      withLength(10_000_000_000),
      { ...JSON_TYPE, "transfer-encoding": "chunked" },
      { "content-type": "text/plain", "content-length": "100" },
      { ...withLength(100), expect: "100-continue" }
    ]
    await each(heads, (head) =>
      connected(server, async (connection) => {
        await connection.request("POST", path, head)
        expect((await connection.answer())?.status).toBe(401)
      })
    )
    // The next on the same connection, behind a proxy maybe somebody else's, is not in the way of what was not read.
    await each(Array.from({ length: 4 }), () =>
      connected(server, async (connection) => {
        for (let times = 0; times < 3; times++) {
          await connection.request("POST", path, withLength(500_000))
          const answer = await connection.answer()
          // A server may rather close it.
          if (answer === undefined && times > 0) return
          expect(answer?.status).toBe(401)
          await connection.send("x".repeat(500_000))
        }
        await connection.request("GET", "/health")
        expect((await connection.answer())?.status ?? 200).toBe(200)
      })
    )
    for (const body of ["{", "\0", "x".repeat(2_000_000), "[".repeat(10_000)]) {
      expect((await ask(server, "POST", path, { body, headers: { "content-type": "application/json" } })).status).toBe(
        401
      )
      expect((await ask(server, "POST", path, { body })).status).toBe(401)
    }
    expect(await state()).toEqual(before)
  })

  describe("what is secret", () => {
    const leaks = (text: string): ReadonlyArray<string> =>
      [...secretsOf(everybody), ...given].filter((secret) => text.includes(secret))

    test("is in no answer", () => {
      expect(answers.length).toBeGreaterThan(2_000)
      expect(leaks(answers.join("\n"))).toEqual([])
    })

    test("is in no record of the audit log, which has every outcome", async () => {
      for (const path of ["/audit", "/audit/lines"]) {
        const { status, text } = await ask(server, "GET", `${path}?limit=1000`, { headers: OWNER })
        expect(status).toBe(200)
        expect(leaks(text)).toEqual([])
      }
      for (const outcome of ["allowed", "denied"]) {
        const { json } = await ask(server, "GET", `/audit?limit=1000&outcome=${outcome}`, { headers: OWNER })
        expect(json.records.length, outcome).toBeGreaterThan(100)
      }
    })

    test("was never printed", () => {
      expect(started().printed()).toContain("audit: GET /pipelines denied")
      expect(leaks(started().printed())).toEqual([])
    })

    if (stored === undefined) return
    test("is in nothing that Redis keeps", async () => {
      const redis = new Redis(stored.url)
      const kept = await everything(redis, stored.prefix)
      redis.disconnect()
      // Tokens are there, by their digests.
      expect(kept).toMatch(/token:[0-9a-f]{64}/)
      expect(leaks(kept)).toEqual([])
    })
  })

  afterAll(() => {
    answers.length = 0
  })
}

const ERRORS: Readonly<Record<string, RegExp>> = {
  invalid: /^UnauthenticatedError$/,
  nothing: /^UnauthenticatedError$/,
  unknown: /^UnknownApiKeyError$/,
  403: /^AccessDeniedError$/,
  404: /^(?:Run|Schedule|Pipeline)NotFoundError$/
}

/** What is wrong with an answer. */
const mistake = ({ status, text, json, headers }: Answer, wanted: number, { refused }: Comer): string | undefined => {
  if (status !== wanted) return `expected ${wanted}, received ${status} ${text.slice(0, 150)}`
  const challenge = headers.get("www-authenticate")
  const due = status === 401 ? (refused === "nothing" ? SCHEMES : `${SCHEMES}, error="invalid_token"`) : null
  if (challenge !== due) return `is challenged with ${challenge}`
  const error = status === 426 ? /^UpgradeRequiredError$/ : ERRORS[refused ?? String(status)]
  if (status < 400) return undefined
  return error?.test(json?.error) && typeof json.message === "string" ? undefined : `is told ${text.slice(0, 150)}`
}

const withoutIds = ({ status, headers, text }: Answer, at: Target): string =>
  JSON.stringify([
    status,
    [...headers].filter(([name]) => !["date", "x-request-id", "content-length"].includes(name)),
    Object.values(at)
      .reduce((rest, id) => rest.replaceAll(id, "ID"), text)
      .replace(/"timestamp":"[^"]+"/, "")
  ])

/** Where two texts part. */
const difference = (left: string, right: string): string => {
  const at = Array.from(left).findIndex((char, index) => char !== right[index])
  return `${left.slice(at, at + 100)} | ${right.slice(at, at + 100)}`
}

/** Does it for each, some of them at once. */
const each = async <A>(items: ReadonlyArray<A>, use: (item: A) => Promise<unknown>): Promise<void> => {
  const left = items.values()
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of left) await use(item)
    })
  )
}

const readers: Readonly<Record<string, (redis: Redis, key: string) => Promise<unknown>>> = {
  string: (redis, key) => redis.get(key),
  hash: (redis, key) => redis.hgetall(key),
  list: (redis, key) => redis.lrange(key, 0, -1),
  set: (redis, key) => redis.smembers(key),
  zset: (redis, key) => redis.zrange(key, "0", "-1"),
  stream: (redis, key) => redis.xrange(key, "-", "+")
}

/** Every key of a Store with its value. */
const everything = async (redis: Redis, prefix: string): Promise<string> => {
  const keys = await redis.keys(`*${prefix}*`)
  const values = await Promise.all(
    keys.map(async (key) => [key, await readers[await redis.type(key)]!(redis, key)] as const)
  )
  return JSON.stringify(values)
}
