/**
 * Who may do what over HTTP: each route under both prefixes with each kind of credentials, compared with the contract's
 * table.
 */
import { Redis } from "ioredis"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { routes } from "../../../adapters/http/index.ts"
import { FLOWS, KEYS } from "../../fixtures/access.ts"
import { type Answer, ask, type Json, type Server, textOf } from "../../http/harness/Client.ts"
import { aclIs, contract, ObjectFactory, pathFor, type Row, type Target } from "../../http/harness/Contract.ts"
import { apiKey, type ClientKind, clientKinds, expectedStatus, secretsOf } from "../../http/harness/Credentials.ts"
import type { Launched } from "../../http/harness/launch.ts"
import { JSON_TYPE, withConnection, withLength } from "../../http/harness/RawConnection.ts"

const OWNER = apiKey(KEYS.owner)
const PREFIXES = ["", "/api/v1"]
const SCHEMES = 'ApiKey realm="levada", Bearer realm="levada"'

/** How many requests run at the same time. */
const AT_ONCE = 16

const ABSENT: Target = { pipeline: FLOWS[1]!, run: "00000000000000000000", schedule: "flow_of_nobody" }

/** One request of the matrix. */
interface Case {
  readonly method: string
  readonly path: string
  readonly prefix: string
  readonly row: Row
  readonly client: ClientKind
  readonly status: number
}

/** The Store of the server. */
export interface Stored {
  readonly url: string
  readonly prefix: string
}

export const authorizationSuite = (started: () => Launched, stored?: Stored): void => {
  const server: Server = {
    get url() {
      return started().url
    }
  }
  const maker = new ObjectFactory(server, OWNER, FLOWS.slice(2, -3))
  let target: Target
  let clients: ReadonlyArray<ClientKind>
  const answers: Array<string> = []
  const given: Array<string> = []

  beforeAll(async () => {
    const pipeline = await maker.pipeline(FLOWS[0])
    aclIs((await ask(server, "GET", `/pipelines/${pipeline}/acl`, { headers: OWNER })).json.acl)
    target = { pipeline, run: await maker.run(pipeline), schedule: await maker.schedule(pipeline) }
    clients = await clientKinds(maker, target)
  })

  const send = async (method: string, path: string, client: ClientKind, json?: Json): Promise<Answer> => {
    // Without the checks that `ask` makes: there are thousands of these requests.
    const response = await fetch(server.url + path, {
      method,
      headers: { ...client.headers, ...(json !== undefined && JSON_TYPE) },
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
      // Every second one uses the other prefix, which leads to the same route.
      return clients.map((client, at) => {
        const prefix = PREFIXES[(at + path.length) % 2]!
        return { method, path, prefix, row, client, status: expectedStatus(row, client) }
      })
    })

  /** The wrong answers to these requests. */
  const play = async (chosen: ReadonlyArray<Case>): Promise<ReadonlyArray<string>> => {
    const wrong: Array<string> = []
    await each(chosen, async ({ method, path, prefix, row, client, status }) => {
      const at = { ...target, ...(status < 400 && (await row.fresh?.(maker))) }
      const answer = await send(method, prefix + pathFor(path, at) + (row.query ?? ""), client, row.body?.(at))
      const found = mistake(answer, status, client)
      if (found !== undefined) wrong.push(`${client.name}: ${method} ${path}: ${found}`)
    })
    return wrong
  }

  /** All state that requests might change, except runs and records, which reading does not create. */
  const state = async (): Promise<ReadonlyArray<string>> => {
    const paths = ["/pipelines", `/pipelines/${target.pipeline}`, `/pipelines/${target.pipeline}/acl`, "/schedules"]
    const all = [...paths, "/runs?limit=200", `/runs/${target.run}`].map((path) =>
      ask(server, "GET", path, { headers: OWNER })
    )
    return (await Promise.all(all)).map(({ text }) => text)
  }

  test("the contract's table has exactly the routes that exist", () => {
    expect(Object.keys(contract).sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort())
  })

  test("a request without permission is refused, and changes nothing", async () => {
    const before = await state()
    expect(await play(cases().filter(({ status, row }) => status >= 400 && row.need !== "none"))).toEqual([])
    expect(await state()).toEqual(before)
  })

  test("a request with permission is answered", { timeout: 60_000 }, async () => {
    expect(await play(cases().filter(({ status, row }) => status < 400 || row.need === "none"))).toEqual([])
  })

  test("HEAD needs the same permission as GET", async () => {
    const wrong: Array<string> = []
    // One route of each kind of answer: authentication is that of GET.
    const asked = cases().filter(({ method }) => method === "GET")
    const kinds = Map.groupBy(asked, ({ path, status }) => `${path} ${status}`)
    const reading = Array.from(kinds.values(), ([one]) => one!)
    expect(reading.length).toBeGreaterThan(60)
    await each(reading, async ({ path, row, client, status }) => {
      const answer = await send("HEAD", pathFor(path, target) + (row.query ?? ""), client)
      if (answer.status !== status || answer.text !== "") wrong.push(`${client.name}: HEAD ${path}: ${answer.status}`)
    })
    expect(wrong).toEqual([])
  })

  test("OPTIONS needs no credentials, and answers the same for existing and unknown paths", async () => {
    for (const path of new Set(Object.keys(contract).map((key) => key.split(" ")[1]!))) {
      const [there, not] = await Promise.all(
        [target, ABSENT].map((at) => ask(server, "OPTIONS", pathFor(path, at), { headers: apiKey("none") }))
      )
      expect([there!.status, there!.text, there!.headers.get("allow")]).toEqual([204, "", not!.headers.get("allow")])
    }
  })

  test("hidden objects get the same answer as objects that do not exist", async () => {
    const wrong: Array<string> = []
    const hidden = cases().filter(({ status, row: { over } }) => status >= 400 && over !== "any" && over !== "all")
    const isBlind = ({ client: { here, refused, run } }: Case): boolean =>
      here.length === 0 && run === undefined && (refused === undefined || refused === "nothing")
    await each(hidden.filter(isBlind), async ({ method, path, row, client }) => {
      const [there, not] = await Promise.all(
        [target, ABSENT].map(async (at) =>
          withoutIds(await send(method, pathFor(path, at), client, row.body?.(at)), at)
        )
      )
      if (there !== not) wrong.push(`${client.name}: ${method} ${path}: ${difference(there!, not!)}`)
    })
    expect(wrong).toEqual([])
  })

  test("GET /me tells each caller what the matrix allows it, and no more", async () => {
    const wrong: Array<string> = []
    await each(clients, async (client) => {
      const { refused, here, all, run, isNarrowed = false, name } = client
      if (refused !== undefined) return
      const { json } = await send("GET", "/me", client)
      // A token for one run does not read the pipeline; pipelines that the caller may not read are not listed.
      const listed = run === undefined && here.includes("read") ? here : undefined
      const told = [json.pipelines[target.pipeline], json.permissions.includes("admin"), json.narrowed_to !== null]
      const due = [listed, all.includes("admin"), isNarrowed]
      if (JSON.stringify(told) !== JSON.stringify(due)) wrong.push(`${name}: ${JSON.stringify([told, due])}`)
      if (isNarrowed && json.narrowed_to.task_id !== (run ?? null)) wrong.push(`${name}: ${json.narrowed_to.task_id}`)
      // It may call each route whose permission is listed, and no other one.
      for (const [key, row] of Object.entries(contract)) {
        if (row.over === "any" || row.isForPrincipals === true) continue
        const permissions = row.over === "all" ? json.permissions : listed
        if (permissions === undefined) continue
        if (permissions.includes(row.need) !== expectedStatus(row, client) < 400) wrong.push(`${name}: ${key}`)
      }
    })
    expect(wrong).toEqual([])
  })

  test("lists show only what the caller may see", async () => {
    const wrong: Array<string> = []
    const own = { "/pipelines": target.pipeline, "/runs?limit=200": target.run, "/schedules": target.schedule }
    await each(clients, async (client) => {
      if (client.refused !== undefined || !client.anywhere.includes("read")) return
      for (const [path, id] of Object.entries(own)) {
        const { text } = await send("GET", path, client)
        const sees = client.here.includes("read") && (client.run === undefined || path.startsWith("/runs"))
        // A filter for other objects shows no more.
        if (text.includes(`"${id}"`) !== sees) wrong.push(`${client.name}: ${path} ${sees ? "lacks" : "shows"} ${id}`)
        if (!sees && /"flow_\d/.test(text)) wrong.push(`${client.name}: ${path} shows pipelines: ${text}`)
      }
      const filtered = await send("GET", `/runs?pipeline_id=${target.pipeline}`, client)
      if (!client.here.includes("read") && filtered.text.includes(target.run)) wrong.push(`${client.name}: filtered`)
    })
    expect(wrong).toEqual([])
  })

  test("a request without credentials is answered without waiting for its body", async () => {
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
      withConnection(server, async (connection) => {
        await connection.request("POST", path, head)
        expect((await connection.answer())?.status).toBe(401)
      })
    )
    // The next request on the same connection, which behind a proxy may be another client's, is not affected by the
    // unread body.
    await each(Array.from({ length: 4 }), () =>
      withConnection(server, async (connection) => {
        for (let times = 0; times < 3; times++) {
          await connection.request("POST", path, withLength(500_000))
          const answer = await connection.answer()
          // A server may close the connection instead.
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

  describe("secrets", () => {
    const leaks = (text: string): ReadonlyArray<string> =>
      [...secretsOf(clients), ...given].filter((secret) => text.includes(secret))

    test("are in no answer", () => {
      expect(answers.length).toBeGreaterThan(2_000)
      expect(leaks(answers.join("\n"))).toEqual([])
    })

    test("are in no record of the audit log, which has every outcome", async () => {
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

    test("are never printed", () => {
      expect(started().printed()).toContain("audit: GET /pipelines denied")
      expect(leaks(started().printed())).toEqual([])
    })

    if (stored === undefined) return
    test("are in no value that Redis keeps", async () => {
      const redis = new Redis(stored.url)
      const kept = await everything(redis, stored.prefix)
      redis.disconnect()
      // Tokens are kept as digests.
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

/** The differences between an answer and the contract. */
const mistake = (
  { status, text, json, headers }: Answer,
  wanted: number,
  { refused }: ClientKind
): string | undefined => {
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

/** The place where two texts differ. */
const difference = (left: string, right: string): string => {
  const at = Array.from(left).findIndex((char, index) => char !== right[index])
  return `${left.slice(at, at + 100)} | ${right.slice(at, at + 100)}`
}

/** Calls `use` for each item, several at a time. */
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
