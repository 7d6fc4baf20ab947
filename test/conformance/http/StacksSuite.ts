/** Who sees the stacks of errors that tasks raised: callers with `admin`, in the answers about one run, and nobody else. */
import { afterAll, beforeAll, expect, test } from "vitest"
import { KEYS } from "../../fixtures/access.ts"
import { PLANTED, planted } from "../../fixtures/pipelines.ts"
import { type Answer, ask, type Json, type Server, until } from "../../http/harness/Client.ts"
import { Connection } from "../../http/harness/Connection.ts"
import { contract, pathFor } from "../../http/harness/Contract.ts"
import { apiKey, bearer } from "../../http/harness/Credentials.ts"
import { Listener } from "../../http/harness/Listener.ts"

/** A caller that may read the run. */
interface Reader {
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
  readonly seesStacks: boolean
  /** Whether it may start runs, and read all of the pipeline. */
  readonly executes: boolean
  readonly readsPipeline: boolean
}

const EXECUTION = { parameters: { seeds: ["a", "", "b"] } }
const FRAME = `at dig (/srv/vault/${PLANTED}.ts:1:2)`
const PIPELINE = `/pipelines/${planted.id}`

/** The answers that may have stacks. */
const SHOWING = [
  "GET /runs/{task_id}",
  "GET /runs/{task_id}/steps/{step}/items",
  "GET /runs/{task_id}/steps/{step}/attempts"
]

const withoutStacks = (json: Json): Json =>
  JSON.parse(JSON.stringify(json, (key, value) => (key === "stack" ? undefined : value)))

export const stacksSuite = (
  server: Server,
  {
    isSecured = false,
    takesSockets = true,
    printed
  }: {
    readonly isSecured?: boolean
    readonly takesSockets?: boolean
    readonly printed?: () => string
  } = {}
): void => {
  const owner = isSecured ? apiKey(KEYS.owner) : {}
  const readers: Array<Reader> = []
  const opened: Array<{ readonly close: () => void }> = []
  let runId: string
  let run: string

  const as = ({ headers }: Reader, path: string): Promise<Answer> => ask(server, "GET", path, { headers })
  const execute = (headers: Reader["headers"]): Promise<Answer> =>
    ask(server, "POST", `${PIPELINE}/execute`, { json: { ...EXECUTION, wait: true, timeout: 60 }, headers })

  beforeAll(async () => {
    runId = (await execute(owner)).json.task_id
    run = `/runs/${runId}`
    const all = { executes: true, readsPipeline: true }
    readers.push({ ...all, name: isSecured ? "the owner" : "anyone", headers: owner, seesStacks: true })
    if (!isSecured) return
    const token = async (wish: Json, key: string): Promise<Reader["headers"]> => {
      const { status, json, text } = await ask(server, "POST", "/tokens", { json: wish, headers: apiKey(key) })
      expect(status, text).toBe(201)
      return bearer(json.token)
    }
    const reads = { seesStacks: false, executes: false, readsPipeline: true }
    readers.push(
      { ...all, name: "an admin", headers: apiKey(KEYS.admin), seesStacks: true },
      { ...reads, name: "a viewer", headers: apiKey(KEYS.viewer) },
      { ...reads, name: "a runner", headers: apiKey(KEYS.runner), executes: true },
      { ...reads, name: "who only reads", headers: apiKey(KEYS.reads) },
      { ...reads, name: "an admin's token", headers: await token({ pipeline_id: planted.id }, KEYS.admin) },
      {
        ...reads,
        name: "the owner's token for the run",
        headers: await token({ task_id: runId }, KEYS.owner),
        readsPipeline: false
      }
    )
  })
  afterAll(() => {
    for (const each of opened) each.close()
  })

  const stacks = { stack: FRAME, message: "no crop", cause: { stack: FRAME, message: "a drought" } }
  const failed = { error: "TaskFailed", step: "reap", cause: stacks }

  /** The paths that show stacks, with what they show. */
  const showing = (): Readonly<Record<string, object>> => ({
    [run]: { error: failed, steps: [{ error: null }, { error: failed }] },
    [`/api/v1${run}?values=false`]: { error: failed, steps: [{ error: null }, { error: failed }] },
    [`${run}/steps/reap/attempts`]: { attempts: [{ error: failed }, { error: failed }] },
    [`${run}/steps/sow/attempts`]: { attempts: [{ error: null }, { item: 1, error: { cause: { stack: FRAME } } }] },
    [`${run}/steps/sow/items?values=false`]: {
      items: [{ error: null }, { error: { item: 1, cause: { stack: FRAME, message: "no seed" } } }, { error: null }]
    }
  })

  test("callers with admin see the stacks of a run; the answers to others differ in nothing else", async () => {
    for (const [path, shown] of Object.entries(showing())) {
      const [whole, ...others] = await Promise.all(readers.map((reader) => as(reader, path)))
      expect([path, whole!.status]).toEqual([path, 200])
      expect(whole!.json, path).toMatchObject(shown)
      expect(whole!.text).not.toContain('"stack":null')
      for (const [at, { status, text, json }] of others.entries()) {
        const { name, seesStacks } = readers[at + 1]!
        expect([path, name, status]).toEqual([path, name, 200])
        expect([path, name, text.includes(PLANTED)]).toEqual([path, name, seesStacks])
        expect([path, name, text.includes('"stack"')]).toEqual([path, name, seesStacks])
        expect(json).toEqual(seesStacks ? whole!.json : withoutStacks(whole!.json))
      }
    }
  })

  test("no other answer has a stack", { timeout: 60_000 }, async () => {
    const target = { pipeline: planted.id, run: runId, schedule: "none" }
    const statuses = new Map<string, number>()
    for (const reader of readers) {
      for (const key of Object.keys(contract)) {
        const [method, path] = key.split(" ") as [string, string]
        if (method !== "GET" || path === "/ws" || path.endsWith("/events")) continue
        if (SHOWING.includes(key) && reader.seesStacks) continue
        const asked = pathFor(path.replace("{step}", "reap").replace("{name}", "plants"), target)
        for (const query of ["", `?run=${runId}`]) {
          if (query !== "" && !path.includes("/dag/")) continue
          const { status, text } = await as(reader, asked + query)
          if (readers[0] === reader) statuses.set(key, status)
          expect([reader.name, asked, text.includes(PLANTED)]).toEqual([reader.name, asked, false])
        }
      }
      const rows = await as(reader, "/runs?limit=200&status=FAILED")
      expect([reader.name, rows.status, rows.text.includes(runId)]).toEqual([reader.name, 200, true])
      expect(rows.text).not.toContain(PLANTED)
      // Nor does a filter tell that a stack has a text.
      const found = await as(reader, `/runs?error=${PLANTED}`)
      expect(found.json.runs).toEqual([])
      if (!reader.executes) continue
      const answer = await execute(reader.headers)
      expect([answer.status, answer.text.includes(PLANTED), "stack" in answer.json]).toEqual([500, false, false])
      const retried = await ask(server, "POST", `${run}/retry`, { json: {}, headers: reader.headers })
      expect([retried.status, retried.text.includes(PLANTED)]).toEqual([202, false])
    }
    expect(statuses.get("GET /pipelines/result/{task_id}")).toBe(500)
    for (const path of [
      "/runs/{task_id}/logs",
      "/runs/{task_id}/values/{name}",
      "/pipelines/{pipeline_id}/statistics"
    ]) {
      expect([path, statuses.get(`GET ${path}`)]).toEqual([path, 200])
    }
  })

  test("no event has a stack, on any stream, for any caller", async () => {
    const feeds: Array<{ readonly events: ReadonlyArray<Json> }> = []
    const listen = async (path: string, { headers }: Reader): Promise<Listener> => {
      const listener = await Listener.open(server, path, headers)
      opened.push(listener)
      return listener
    }
    for (const reader of readers) {
      const { headers, readsPipeline } = reader
      if (readsPipeline) feeds.push(await listen("/events", reader), await listen(`${PIPELINE}/events`, reader))
      const own = await listen(`${run}/events`, reader)
      await own.ended
      expect(own.events.at(-1)).toMatchObject({ type: "PipelineErrorEvent", error: { cause: { message: "no crop" } } })
      expect(JSON.stringify(own.events)).not.toContain(PLANTED)
      if (!takesSockets) continue
      const connection = await Connection.open(server, "", headers)
      opened.push(connection)
      expect(await connection.ask({ type: "subscribe", task_id: runId })).toMatchObject({ type: "subscribed" })
      expect(await connection.next()).toMatchObject({ type: "ended" })
      expect(connection.events.at(-1)).toMatchObject({ type: "PipelineErrorEvent" })
      if (readsPipeline) {
        expect(await connection.ask({ type: "subscribe", pipeline_id: planted.id })).toMatchObject({
          type: "subscribed"
        })
        feeds.push(connection)
      }
    }
    const { json } = await execute(owner)
    for (const feed of feeds) {
      await until("the last event", async () =>
        feed.events.find(({ type, task_id }) => type === "PipelineErrorEvent" && task_id === json.task_id)
      )
      expect(feed.events.map(({ type }) => type)).toEqual(
        expect.arrayContaining(["StepRetryEvent", "StepItemErrorEvent"])
      )
      expect(JSON.stringify(feed.events)).not.toContain(PLANTED)
      expect(JSON.stringify(feed.events)).not.toContain('"stack"')
    }
  })

  test("the entity tag of an answer with stacks is of no use without admin", async () => {
    for (const path of [run, `${run}?values=false`]) {
      const tags = new Map<boolean, string>()
      for (const reader of readers) {
        const tag = (await as(reader, path)).headers.get("etag")!
        expect([reader.name, tags.get(reader.seesStacks) ?? tag]).toEqual([reader.name, tag])
        tags.set(reader.seesStacks, tag)
      }
      expect(new Set(tags.values()).size).toBe(tags.size)
      for (const { name, headers, seesStacks } of readers) {
        for (const [isOfStacks, tag] of tags) {
          const { status, text } = await ask(server, "GET", path, { headers: { ...headers, "if-none-match": tag } })
          expect([name, status, text.includes(PLANTED)]).toEqual(
            isOfStacks === seesStacks ? [name, 304, false] : [name, 200, seesStacks]
          )
        }
      }
    }
  })

  if (printed === undefined) return
  test("no stack is printed", () => {
    expect(printed()).not.toContain(PLANTED)
  })
}
