/** Who may do what, over HTTP: every route, asked by everybody, against what the contract says. */
import { beforeAll, describe, expect, test } from "vitest"
import { routes } from "../../adapters/http/index.ts"
import { type Answer, ask, get, pathOf, post, type Server, unused } from "./Client.ts"
import { type Known, known, type Permission, type Stranger, strangers } from "./Principals.ts"
import { keyOf } from "./servers/Secured.ts"

const P = "my_pipeline"
const ADMIN = { "x-api-key": keyOf("admin") }

/** A request that succeeds, where it is allowed. */
interface Wish {
  readonly path: string
  readonly json?: unknown
  /** The pipeline that it is about. Default: `P`. */
  readonly pipelineId?: string
}

/** What the contract says of a route. */
interface Row {
  readonly permission: Permission | "none"
  /** What the permission has to be had on. Something with an id of its own is not there for whoever may not read it. */
  readonly on: "pipeline" | "run" | "schedule" | "any pipeline" | "the server" | "nothing"
  readonly status: number
  /** Makes what it needs, when it is going to be done. */
  readonly wish: (there: There, isDone: boolean) => Wish | Promise<Wish>
}

/** What is there when the suite begins, and has to be there when it ends. */
interface There {
  readonly server: Server
  readonly runId: string
  /** A pipeline that was registered. */
  readonly kept: string
  readonly scheduleId: string
}

const registered = async ({ server }: There): Promise<string> => {
  const id = `my_${unused()}`
  expect((await post(server, pathOf(id), DEFINITION, ADMIN)).status).toBe(201)
  return id
}
const DEFINITION = { pipeline_type: "dataflow", tasks: ["process"] }
const RUN = { parameters: { data: "x" }, wait: true }

const ofPipeline =
  (rest: string): Row["wish"] =>
  () => ({ path: pathOf(P, rest) })
const ofRun =
  (rest: string, json?: unknown): Row["wish"] =>
  ({ runId }) => ({ path: `/runs/${runId}${rest}`, json })
const ofSchedule =
  (rest: string): Row["wish"] =>
  ({ scheduleId }) => ({ path: `/schedules/${scheduleId}${rest}` })
const plain =
  (path: string, json?: unknown): Row["wish"] =>
  () => ({ path, json })
const ofRegistered =
  (rest: string, json?: unknown): Row["wish"] =>
  async (there, isDone) => {
    const pipelineId = isDone ? await registered(there) : there.kept
    return { path: pathOf(pipelineId, rest), json, pipelineId }
  }

const read = (wish: Row["wish"]): Row => ({ permission: "read", on: "pipeline", status: 200, wish })
const readRun = (wish: Row["wish"]): Row => ({ permission: "read", on: "run", status: 200, wish })
const admin = (status: number, wish: Row["wish"]): Row => ({ permission: "admin", on: "pipeline", status, wish })

/** The contract, by hand. */
const ROWS: Readonly<Record<string, Row>> = {
  "GET /health": { permission: "none", on: "nothing", status: 200, wish: plain("/health") },
  "GET /pipelines": { permission: "read", on: "any pipeline", status: 200, wish: plain("/pipelines") },
  "GET /pipelines/{pipeline_id}": read(ofPipeline("")),
  "GET /pipelines/{pipeline_id}/status": read(ofPipeline("/status")),
  "GET /pipelines/{pipeline_id}/dag": read(ofPipeline("/dag")),
  "GET /pipelines/{pipeline_id}/dag/dot": read(ofPipeline("/dag/dot")),
  "GET /pipelines/{pipeline_id}/visualize": read(ofPipeline("/visualize")),
  "POST /pipelines/{pipeline_id}": admin(201, () => {
    const pipelineId = `my_${unused()}`
    return { path: pathOf(pipelineId), json: DEFINITION, pipelineId }
  }),
  "DELETE /pipelines/{pipeline_id}": admin(204, ofRegistered("")),
  "POST /pipelines/{pipeline_id}/pause": admin(200, ofRegistered("/pause")),
  "POST /pipelines/{pipeline_id}/resume": admin(200, ofRegistered("/resume")),
  "POST /pipelines/{pipeline_id}/execute": {
    permission: "execute",
    on: "pipeline",
    status: 200,
    wish: () => ({ path: pathOf(P, "/execute"), json: RUN })
  },
  "GET /pipelines/result/{task_id}": readRun(({ runId }) => ({ path: `/pipelines/result/${runId}` })),
  "GET /runs": { permission: "read", on: "any pipeline", status: 200, wish: plain("/runs") },
  "GET /runs/{task_id}": readRun(ofRun("")),
  "GET /runs/{task_id}/logs": readRun(ofRun("/logs")),
  // It is over, so there is nothing to be done, and nothing left to be repeated.
  "POST /runs/{task_id}/cancel": { permission: "execute", on: "run", status: 202, wish: ofRun("/cancel", {}) },
  "POST /runs/{task_id}/retry": { permission: "execute", on: "run", status: 409, wish: ofRun("/retry", {}) },
  "DELETE /runs/{task_id}": {
    permission: "admin",
    on: "run",
    status: 204,
    wish: async ({ server, runId }, isDone) => {
      const { json } = isDone ? await post(server, pathOf(P, "/execute"), RUN, ADMIN) : { json: { task_id: runId } }
      return { path: `/runs/${json.task_id}` }
    }
  },
  "GET /schedules": { permission: "read", on: "any pipeline", status: 200, wish: plain("/schedules") },
  "POST /schedules": admin(201, plain("/schedules", { pipeline_id: P, every: 3_600, parameters: { data: "x" } })),
  "GET /schedules/{schedule_id}": { permission: "read", on: "schedule", status: 200, wish: ofSchedule("") },
  "POST /schedules/{schedule_id}/pause": {
    permission: "admin",
    on: "schedule",
    status: 200,
    wish: ofSchedule("/pause")
  },
  "POST /schedules/{schedule_id}/resume": {
    permission: "admin",
    on: "schedule",
    status: 200,
    wish: ofSchedule("/resume")
  },
  "DELETE /schedules/{schedule_id}": {
    permission: "admin",
    on: "schedule",
    status: 204,
    wish: async ({ server, scheduleId }, isDone) => {
      const id = isDone ? unused() : scheduleId
      if (isDone)
        await post(server, "/schedules", { id, pipeline_id: P, every: 3_600, parameters: { data: "x" } }, ADMIN)
      return { path: `/schedules/${id}` }
    }
  },
  "GET /pipelines/{pipeline_id}/acl": admin(200, ofPipeline("/acl")),
  "PUT /pipelines/{pipeline_id}/acl": admin(200, ofRegistered("/acl", { read: ["viewer"] })),
  "DELETE /pipelines/{pipeline_id}/acl": admin(200, ofRegistered("/acl")),
  "POST /tokens": { ...read(() => ({ path: "/tokens", json: { pipeline_id: P } })), status: 201 },
  "GET /audit": { permission: "admin", on: "the server", status: 200, wish: plain("/audit") },
  "GET /audit/lines": { permission: "admin", on: "the server", status: 200, wish: plain("/audit/lines") }
}

/** What somebody who is known is answered. */
const expected = (row: Row, { may }: Known, { runId }: There, pipelineId: string): number => {
  const { permission, on, status } = row
  if (permission === "none") return status
  if (on === "any pipeline") return may(permission) ? status : 403
  if (on === "the server") return may(permission, "*") ? status : 403
  const run = on === "run" ? runId : undefined
  if (may(permission, pipelineId, run)) return status
  return on === "pipeline" || !may(permission) || may("read", pipelineId, run) ? 403 : 404
}

const send = (
  server: Server,
  method: string,
  { path, json }: Wish,
  headers: Stranger["headers"],
  prefix = ""
): Promise<Answer> => ask(server, method, `${prefix}${path}`, { headers, ...(json !== undefined && { json }) })

/** Declares the suite. The server has to be secured. */
export const securing = (server: Server): void => {
  let there: There
  let everybody: Readonly<Record<string, Known>>
  let nobodies: Readonly<Record<string, Stranger>>

  beforeAll(async () => {
    const { json } = await post(server, pathOf(P, "/execute"), RUN, ADMIN)
    const scheduleId = unused()
    await post(server, "/schedules", { id: scheduleId, pipeline_id: P, every: 3_600, parameters: { data: "x" } }, ADMIN)
    there = { server, runId: json.task_id, scheduleId, kept: "" }
    there = { ...there, kept: await registered(there) }
    everybody = await known(server, json.task_id)
    nobodies = await strangers()
  })

  test("the contract has a row for every route, and for nothing else", () => {
    expect(Object.keys(ROWS).sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort())
  })

  describe.each(Object.entries(ROWS))("%s", (key, row) => {
    const method = key.split(" ")[0]!

    test("is not for strangers", async () => {
      const wish = await row.wish(there, false)
      await Promise.all(
        Object.entries(nobodies).flatMap(([name, stranger]) =>
          ["", "/api/v1"].map(async (prefix) => {
            const answer = await send(server, method, wish, stranger.headers, prefix)
            expect([name, answer.status]).toEqual([name, row.permission === "none" ? row.status : stranger.status])
            if (answer.status !== 401) return
            expect(answer.headers.get("www-authenticate"), name).toMatch(
              /^ApiKey realm="levada", Bearer realm="levada"/
            )
          })
        )
      )
    })

    test("is for those who may", async () => {
      const isNarrowed = (name: string): boolean =>
        name === "a token for the pipeline" || name === "a token for one run"
      for (const [name, somebody] of Object.entries(everybody)) {
        // A token gives out no tokens.
        const isRefused = key === "POST /tokens" && isNarrowed(name)
        const { pipelineId = P } = await row.wish(there, false)
        const status = isRefused ? 403 : expected(row, somebody, there, pipelineId)
        const isDone = status === row.status
        const prefix = isDone ? "" : "/api/v1"
        const answer = await send(server, method, await row.wish(there, isDone), somebody.headers, prefix)
        expect([name, answer.status, status === answer.status ? "" : answer.text]).toEqual([name, status, ""])
      }
    })
  })

  test("what was refused has changed nothing", async () => {
    const looks = [
      `/runs/${there.runId}`,
      pathOf(there.kept),
      `/schedules/${there.scheduleId}`,
      pathOf(there.kept, "/acl")
    ]
    const [run, pipeline, , acl] = await Promise.all(looks.map((path) => ask(server, "GET", path, { headers: ADMIN })))
    expect(run!.json).toMatchObject({ status: "COMPLETED" })
    expect(pipeline!.json).toMatchObject({ paused: false })
    expect(acl!.json).toEqual({ pipeline_id: there.kept, acl: null, source: "none" })
    const { json } = await ask(server, "GET", `/audit?outcome=denied&pipeline_id=${P}&limit=1000`, { headers: ADMIN })
    expect(json.records.length).toBeGreaterThan(50)
  })

  test("nobody can tell what is hidden from what is not there", async () => {
    const same = (text: string): string =>
      text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "").replaceAll(/'[^']*'|"task_id":"[^"]*"|"schedule_id":"[^"]*"/g, "")
    const headers = { "x-api-key": keyOf("globOut") }
    for (const [hidden, absent] of [
      [pathOf(P), pathOf("absent")],
      [pathOf(P, "/dag"), pathOf("absent", "/dag")],
      [`/runs/${there.runId}`, "/runs/absent"],
      [`/pipelines/result/${there.runId}`, "/pipelines/result/absent"],
      [`/schedules/${there.scheduleId}`, "/schedules/absent"]
    ] as const) {
      const [one, other] = [
        await ask(server, "GET", hidden, { headers }),
        await ask(server, "GET", absent, { headers })
      ]
      expect(one.status, hidden).toBe(other.status)
      expect(same(one.text).replaceAll(P, "absent"), hidden).toBe(same(other.text))
    }
    for (const path of ["/pipelines", "/runs", "/schedules"]) {
      const { text } = await ask(server, "GET", path, { headers })
      expect(text, path).not.toContain(P)
    }
  })

  test("an ACL that is set holds at once, and the configuration again when it is gone", async () => {
    const id = await registered(there)
    const reader = { headers: { "x-api-key": keyOf("reader") } }
    const runner = { headers: { "x-api-key": keyOf("runner") }, json: RUN }
    const look = async () => [
      (await ask(server, "GET", pathOf(id), reader)).status,
      (await ask(server, "POST", pathOf(id, "/execute"), runner)).status
    ]
    const change = (method: string, json?: unknown) =>
      ask(server, method, pathOf(id, "/acl"), { headers: ADMIN, ...(json !== undefined && { json }) })
    expect(await look()).toEqual([200, 200])
    expect((await change("PUT", { read: ["principal:reader"], execute: ["admin"] })).json).toEqual({
      pipeline_id: id,
      acl: { read: ["principal:reader"], execute: ["admin"] },
      source: "set"
    })
    expect(await look()).toEqual([200, 403])
    await change("PUT", { execute: ["runner"] })
    expect(await look()).toEqual([403, 200])
    expect((await change("DELETE")).json).toEqual({ pipeline_id: id, acl: null, source: "none" })
    expect(await look()).toEqual([200, 200])
    for (const [acl, path] of [
      [{ write: [] }, "write"],
      [{ read: "admin" }, "read"],
      [{ read: [""] }, "read"],
      [[], ""]
    ] as const) {
      const { status, json } = await change("PUT", acl)
      expect([status, json.details[0].path]).toEqual([400, path])
    }
  })

  test("no body is read before it is known who sends it", async () => {
    for (const body of ["{", "[".repeat(100_000), "x".repeat(2_000_000)]) {
      const answer = await ask(server, "POST", pathOf(P, "/execute"), {
        body,
        headers: { "content-type": "application/json" }
      })
      expect(answer.status).toBe(401)
    }
  })

  test("HEAD is answered as GET is, and OPTIONS says no more than the methods", async () => {
    for (const headers of [{}, { "x-api-key": keyOf("reader") }, { "x-api-key": keyOf("runner") }]) {
      const [got, head] = [
        await ask(server, "GET", pathOf(P), { headers }),
        await ask(server, "HEAD", pathOf(P), { headers })
      ]
      expect([head.status, head.text]).toEqual([got.status, ""])
    }
    const { status, headers, text } = await ask(server, "OPTIONS", pathOf(P, "/acl"))
    expect([status, headers.get("allow"), text]).toEqual([204, "GET, PUT, DELETE, HEAD, OPTIONS", ""])
    expect((await get(server, "/health")).status).toBe(200)
  })
}
