/** Elysia's documentation plugins describe the API: compared with the table of routes and with real answers. */
import { openapi } from "@elysiajs/openapi"
import { swagger } from "@elysiajs/swagger"
import * as Schema from "effect/Schema"
import { Elysia } from "elysia"
import { afterAll, describe, expect, it } from "vitest"
import { ElysiaPlugin } from "../../adapters/elysia/index.ts"
import { documents } from "../../adapters/http/docs/Documents.ts"
import { type Route, routes } from "../../adapters/http/index.ts"
import { ApiKeys, Tokens } from "../../adapters/keys/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { flaky, guide, pipelines } from "../fixtures/pipelines.ts"
import { tasks } from "../fixtures/tasks.ts"
import { textOf } from "../http/harness/Client.ts"

// One of the pipelines never ends.
const all = { role: "admin", pipelines: ["*"], permissions: ["read", "execute", "admin"] } as const
const access = Access.secured({ authenticators: [ApiKeys.make({ "the key": all })], tokens: Tokens.make() })
const levada = Levada.make({ pipelines, tasks, access, worker: { graceMillis: 0 } })
afterAll(() => levada.close())

interface Operation {
  readonly summary: string
  readonly description: string
  readonly operationId: string
  readonly parameters?: ReadonlyArray<{ readonly name: string; readonly in: string; readonly required?: boolean }>
  readonly requestBody?: { readonly content: { readonly [type: string]: { readonly schema: Json } } }
  readonly responses: { readonly [status: string]: { readonly content: { readonly [type: string]: unknown } } }
}

type Json = { readonly [key: string]: unknown }

interface OpenApi {
  readonly paths: { readonly [path: string]: { readonly [method: string]: Operation } }
}

/** Each plugin in an app with the API, below a prefix. */
const apps: Readonly<Record<string, readonly [make: (prefix: string) => { handle: Elysia["handle"] }, path: string]>> =
  {
    "@elysiajs/swagger": [
      (prefix) => new Elysia({ prefix }).use(swagger()).use(ElysiaPlugin.plugin(levada)),
      "/swagger/json"
    ],
    "@elysiajs/openapi": [
      (prefix) => new Elysia({ prefix }).use(openapi()).use(ElysiaPlugin.plugin(levada)),
      "/openapi/json"
    ]
  }

const keyOf = ({ method, path }: Route): string => `${method} ${path}`
/** Both plugins leave out paths that look like files. The root belongs to the app. */
const listable = routes.filter(({ path }) => path !== "/" && !path.includes("."))
const namesIn = (path: string): ReadonlyArray<string> => Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name!)

it("there is a document for each route of the table, and for no other", () => {
  expect(Object.keys(documents).sort()).toEqual(routes.map(keyOf).sort())
})

describe.each(Object.entries(apps))("%s", (_, [make, path]) => {
  const made = new Map<string, Promise<OpenApi>>()
  const documented = (prefix = ""): Promise<OpenApi> => {
    const known = made.get(prefix) ?? read(prefix)
    made.set(prefix, known)
    return known
  }
  const read = async (prefix: string): Promise<OpenApi> => {
    const response = await make(prefix).handle(new Request(`http://localhost${prefix}${path}`))
    expect(response.status).toBe(200)
    return (await response.json()) as OpenApi
  }

  it("lists the table of routes, below both prefixes, and no other route", async () => {
    const { paths } = await documented()
    const listed = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
    )
    const table = ["", "/api/v1"].flatMap((prefix) => listable.map(({ method, path }) => `${method} ${prefix}${path}`))
    expect(listed.sort()).toEqual(table.sort())
    const ids = Object.values(paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId))
    expect(new Set(ids).size).toBe(table.length)
  })

  it("lists them below the prefix of the app", async () => {
    const { paths } = await documented("/flows")
    expect(Object.keys(paths).sort()).toEqual(
      [...new Set(["", "/api/v1"].flatMap((prefix) => listable.map(({ path }) => `/flows${prefix}${path}`)))].sort()
    )
  })

  it.each(listable.map((route) => [keyOf(route), route] as const))("describes %s", async (_, route) => {
    const { paths } = await documented()
    for (const prefix of ["", "/api/v1"]) {
      const operation = paths[`${prefix}${route.path}`]![route.method.toLowerCase()]!
      expect(operation.summary).toBe(route.summary)
      const { permission } = route
      const needs = permission === "none" ? "Public" : permission === "any" ? "valid credentials" : `'${permission}'`
      expect(operation.description).toContain(needs)
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === "path")
      expect(inPath.map(({ name }) => name)).toEqual(namesIn(route.path))
      expect(inPath.every(({ required }) => required)).toBe(true)
      expect(operation.requestBody !== undefined).toBe(route.hasBody)
      const statuses = Object.keys(operation.responses)
      expect(statuses.some((status) => /^[12]/.test(status))).toBe(true)
      expect(statuses.includes("401")).toBe(route.permission !== "none")
      // A route that creates the object in its path never misses it.
      const makes = keyOf(route) === "POST /pipelines/{pipeline_id}"
      const isNamed = ["POST /schedules", "POST /tokens"].includes(keyOf(route))
      const looks = isNamed || namesIn(route.path).length > 0
      expect(statuses.includes("404")).toBe(looks && !makes)
    }
  })

  it("shows the bodies and the query parameters", async () => {
    const { paths } = await documented()
    const body = (path: string): Json => paths[path]!["post"]!.requestBody!.content["application/json"]!.schema
    expect(body("/pipelines/{pipeline_id}")).toMatchObject({
      type: "object",
      properties: {
        pipeline_type: { enum: ["dataflow", "sequential"] },
        tasks: { type: "array", items: { type: "string" } }
      },
      required: ["pipeline_type", "tasks"],
      additionalProperties: false
    })
    expect(body("/pipelines/{pipeline_id}/execute")).toMatchObject({
      type: "object",
      properties: { parameters: { type: "object" }, wait: { type: "boolean" }, timeout: { type: "number" } },
      additionalProperties: false
    })
    const { parameters } = paths["/pipelines/{pipeline_id}/execute"]!["post"]!
    const wishes = parameters!.filter((parameter) => parameter.in === "query")
    expect(wishes).toMatchObject([
      { name: "wait", schema: { type: "boolean" } },
      { name: "timeout", schema: { type: "number" } }
    ])
    expect(wishes.some(({ required }) => required)).toBe(false)
  })

  it("shows the answers", async () => {
    const { responses } = (await documented()).paths["/pipelines/{pipeline_id}/dag"]!["get"]!
    expect(responses["200"]).toMatchObject({
      content: {
        "application/json": {
          schema: {
            properties: { nodes: { type: "array", items: { required: ["id", "outputs"] } }, edges: { type: "array" } }
          }
        }
      }
    })
    expect(responses["404"]).toMatchObject({
      content: { "application/json": { schema: { required: ["error", "message", "timestamp"] } } }
    })
    const dot = (await documented()).paths["/pipelines/{pipeline_id}/dag/dot"]!["get"]!
    expect(Object.keys(dot.responses["200"]!.content)).toEqual(["text/vnd.graphviz"])
  })
})

describe("the documents are true", () => {
  const app = new Elysia().use(ElysiaPlugin.plugin(levada))
  const ask = (method: string, path: string, body?: object): Promise<Response> =>
    app.handle(
      new Request(`http://localhost${path}`, {
        method,
        headers: { "x-api-key": "the key", ...(body !== undefined && { "content-type": "application/json" }) },
        ...(body !== undefined && { body: JSON.stringify(body) })
      })
    )
  const started = async (pipeline: string, parameters: object): Promise<string> => {
    const { task_id } = (await (await ask("POST", `/pipelines/${pipeline}/execute`, { parameters })).json()) as {
      readonly task_id: string
    }
    return task_id
  }

  const over = async (): Promise<string> => {
    const id = await started("my_pipeline", { data: "a" })
    await levada.result(guide, id)
    return id
  }
  const failed = async (): Promise<string> => {
    const id = await started(flaky.id, { gate: "never" })
    await levada.result(flaky, id).catch(() => undefined)
    return id
  }
  const scheduled = (more: object): Promise<Response> =>
    ask("POST", "/schedules", { pipeline_id: guide.id, parameters: { data: "a" }, ...more })

  const ANSWERED = [
    ["GET /health", 200, () => ask("GET", "/health")],
    ["GET /health/live", 200, () => ask("GET", "/health/live")],
    ["GET /health/ready", 200, () => ask("GET", "/health/ready")],
    ["GET /metrics", 200, () => ask("GET", "/metrics")],
    ["GET /pipelines/{pipeline_id}/statistics", 200, () => ask("GET", "/pipelines/my_pipeline/statistics?window=60")],
    [
      "GET /pipelines/{pipeline_id}/statistics/series",
      200,
      () => ask("GET", "/pipelines/my_pipeline/statistics/series?minutes=60&points=60")
    ],
    ["GET /statistics/series", 200, () => ask("GET", "/statistics/series?minutes=1440&points=7")],
    ["GET /openapi.json", 200, () => ask("GET", "/openapi.json")],
    ["GET /docs", 200, () => ask("GET", "/docs")],
    ["GET /docs/{file}", 200, () => ask("GET", "/docs/start.js")],
    ["GET /redoc", 200, () => ask("GET", "/redoc")],
    ["GET /redoc/{file}", 200, () => ask("GET", "/redoc/start.js")],
    ["GET /dashboard", 200, () => ask("GET", "/dashboard")],
    ["GET /dashboard/{file}", 200, () => ask("GET", "/dashboard/app.js")],
    ["GET /pipelines", 200, () => ask("GET", "/pipelines")],
    ["GET /pipelines/{pipeline_id}/status", 200, () => ask("GET", "/pipelines/slow/status")],
    ["GET /pipelines/{pipeline_id}/dag", 200, () => ask("GET", "/pipelines/audio_analysis_v1/dag")],
    ["GET /pipelines/{pipeline_id}/dag/dot", 200, () => ask("GET", "/pipelines/audio_analysis_v1/dag/dot")],
    ...(["svg", "layout", "cytoscape", "mermaid", "ascii", "critical-path"] as const).map(
      (form) =>
        [
          `GET /pipelines/{pipeline_id}/dag/${form}`,
          200,
          () => ask("GET", `/pipelines/audio_analysis_v1/dag/${form}`)
        ] as const
    ),
    ["GET /pipelines/{pipeline_id}/visualize", 200, () => ask("GET", "/pipelines/audio_analysis_v1/visualize")],
    [
      "POST /pipelines/{pipeline_id}",
      201,
      () => ask("POST", "/pipelines/made", { pipeline_type: "sequential", tasks: ["increment", "double"] })
    ],
    [
      "POST /pipelines/{pipeline_id}/execute",
      202,
      () => ask("POST", "/pipelines/my_pipeline/execute", { parameters: { data: "a" } })
    ],
    [
      "POST /pipelines/{pipeline_id}/execute",
      200,
      () => ask("POST", "/pipelines/my_pipeline/execute", { parameters: { data: "a" }, wait: true })
    ],
    [
      "GET /pipelines/result/{task_id}",
      202,
      async () => ask("GET", `/pipelines/result/${await started("stubborn", {})}`)
    ],
    ["GET /pipelines/result/{task_id}", 200, async () => ask("GET", `/pipelines/result/${await over()}`)],
    ["GET /pipelines/{pipeline_id}", 200, () => ask("GET", "/pipelines/audio_analysis_v1")],
    ["POST /pipelines/{pipeline_id}/pause", 200, () => ask("POST", "/pipelines/slow/pause")],
    ["POST /pipelines/{pipeline_id}/resume", 200, () => ask("POST", "/pipelines/slow/resume")],
    [
      "DELETE /pipelines/{pipeline_id}",
      204,
      async () => {
        await ask("POST", "/pipelines/brief", { pipeline_type: "sequential", tasks: ["increment"] })
        return ask("DELETE", "/pipelines/brief")
      }
    ],
    ["GET /runs", 200, () => ask("GET", "/runs?limit=200")],
    ["GET /runs/{task_id}", 200, async () => ask("GET", `/runs/${await over()}`)],
    ["GET /runs/{task_id}", 200, async () => ask("GET", `/runs/${await started("stubborn", {})}`)],
    ["GET /runs/{task_id}", 200, async () => ask("GET", `/runs/${await failed()}`)],
    ["GET /runs/{task_id}", 200, async () => ask("GET", `/runs/${await over()}?values=false`)],
    ["GET /runs/{task_id}/values/{name}", 200, async () => ask("GET", `/runs/${await over()}/values/data`)],
    [
      "GET /runs/{task_id}/steps/{step}/items",
      200,
      async () => {
        const run = await ask("POST", "/pipelines/lenient/execute", { parameters: { texts: ["a", ""] }, wait: true })
        return ask("GET", `/runs/${((await run.json()) as { task_id: string }).task_id}/steps/shout/items`)
      }
    ],
    [
      "GET /runs/{task_id}/steps/{step}/attempts",
      200,
      async () => ask("GET", `/runs/${await failed()}/steps/try/attempts`)
    ],
    ["GET /runs/{task_id}/retry", 200, async () => ask("GET", `/runs/${await failed()}/retry?from=try`)],
    ["GET /runs/{task_id}/events", 200, async () => ask("GET", `/runs/${await over()}/events`)],
    ["GET /runs/{task_id}/events", 204, async () => ask("GET", `/runs/${await over()}/events?after=99`)],
    ["GET /pipelines/{pipeline_id}/events", 200, () => ask("GET", "/pipelines/my_pipeline/events")],
    ["GET /ws", 426, () => ask("GET", "/ws")],
    ["GET /events", 200, () => ask("GET", "/events?after=0")],
    ["GET /runs/{task_id}/logs", 200, async () => ask("GET", `/runs/${await over()}/logs`)],
    [
      "POST /runs/{task_id}/cancel",
      202,
      async () => ask("POST", `/runs/${await started("stubborn", {})}/cancel`, { reason: "enough" })
    ],
    ["POST /runs/{task_id}/retry", 202, async () => ask("POST", `/runs/${await failed()}/retry`, {})],
    ["POST /runs/cancel", 202, async () => ask("POST", "/runs/cancel", { task_ids: [await over(), "absent"] })],
    ["POST /runs/retry", 202, async () => ask("POST", "/runs/retry", { task_ids: [await failed(), "absent"] })],
    ["GET /workers", 200, () => ask("GET", "/workers")],
    ["DELETE /runs/{task_id}", 204, async () => ask("DELETE", `/runs/${await over()}`)],
    ["POST /schedules", 201, () => scheduled({ id: "nightly", cron: "0 3 * * *", time_zone: "Europe/Lisbon" })],
    ["GET /schedules", 200, () => ask("GET", "/schedules")],
    ["GET /schedules/{schedule_id}", 200, () => ask("GET", "/schedules/nightly")],
    ["POST /schedules/{schedule_id}/pause", 200, () => ask("POST", "/schedules/nightly/pause")],
    ["POST /schedules/{schedule_id}/resume", 200, () => ask("POST", "/schedules/nightly/resume")],
    ["DELETE /schedules/{schedule_id}", 204, () => ask("DELETE", "/schedules/nightly")],
    ["GET /pipelines/{pipeline_id}/acl", 200, () => ask("GET", "/pipelines/slow/acl")],
    ["PUT /pipelines/{pipeline_id}/acl", 200, () => ask("PUT", "/pipelines/slow/acl", { read: ["admin"] })],
    ["DELETE /pipelines/{pipeline_id}/acl", 200, () => ask("DELETE", "/pipelines/slow/acl")],
    ["GET /me", 200, () => ask("GET", "/me")],
    ["GET /listeners", 200, () => ask("GET", "/listeners")],
    ["POST /tokens", 201, () => ask("POST", "/tokens", { pipeline_id: "slow" })],
    ["POST /tokens", 201, async () => ask("POST", "/tokens", { task_id: await over(), expires_in: 60 })],
    ["GET /audit", 200, () => ask("GET", "/audit?limit=1000")],
    ["GET /audit/lines", 200, () => ask("GET", "/audit/lines")]
  ] as const

  it("every route is tested here", () => {
    expect([...new Set(ANSWERED.map(([key]) => key))].sort()).toEqual(
      routes
        .map(keyOf)
        .filter((key) => key !== "GET /")
        .sort()
    )
  })

  it.each(ANSWERED)("%s answers %i as documented", async (key, status, answer) => {
    const response = await answer()
    expect(response.status).toBe(status)
    const { contentType = "application/json", answers } = documents[key] as {
      readonly contentType?: string
      readonly answers: { readonly [status: number]: Schema.Codec<unknown> }
    }
    if (status === 204) {
      expect([response.headers.get("content-type"), await response.text()]).toEqual([null, ""])
      return
    }
    expect(response.headers.get("content-type")).toContain(contentType.replace("*", ""))
    const value: unknown = contentType === "application/json" ? await response.json() : await textOf(response)
    // An undocumented key is as wrong as a missing one.
    expect(Schema.decodeUnknownSync(answers[status]!)(value, { onExcessProperty: "error" })).toEqual(value)
  })
})
