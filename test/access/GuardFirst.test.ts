/** The guard decides before a request is validated, however invalid the request is. */
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { afterAll, expect, test } from "vitest"
import { routes } from "../../adapters/http/index.ts"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import { type RequestParts, servePrincipals } from "./PrincipalServer.ts"

const all = ["read", "execute", "admin"] as const
const task = Task.make("say", { input: {}, output: { said: Schema.String }, run: () => ({ said: "x" }) })
const server = servePrincipals(
  {
    owner: { pipelines: ["*"], permissions: all },
    stranger: { pipelines: ["other"], permissions: all },
    reader: { pipelines: ["*"], permissions: ["read"] },
    leftOut: { pipelines: ["*"], permissions: all }
  },
  {
    pipelines: ["flow", "secret"].map((id) => Pipeline.make(id, [task])),
    access: {
      acls: { secret: { read: ["owner"], execute: ["owner"], admin: ["owner"] } },
      limits: { read: "100000/hour", execute: "100000/hour", admin: "100000/hour" }
    }
  }
)
afterAll(() => server[Symbol.asyncDispose]())
const { as } = server

/** A valid request to each route that reads a body or a query. */
const GOOD: Readonly<Record<string, unknown>> = {
  "POST /pipelines/{pipeline_id}": { pipeline_type: "dataflow", tasks: ["say"] },
  "POST /pipelines/{pipeline_id}/execute": {},
  "POST /runs/{task_id}/cancel": {},
  "POST /runs/{task_id}/retry": {},
  "POST /runs/cancel": { task_ids: ["absent"] },
  "POST /runs/retry": { filter: {} },
  "POST /schedules": { pipeline_id: "PIPELINE", every: 86_400 },
  "PUT /pipelines/{pipeline_id}/acl": { read: ["owner"], execute: ["owner"], admin: ["owner"] },
  "POST /tokens": { pipeline_id: "PIPELINE" },
  "GET /runs": undefined,
  "GET /runs/{task_id}": undefined,
  "GET /runs/{task_id}/steps/{step}/items": undefined,
  "GET /runs/{task_id}/steps/{step}/attempts": undefined,
  "GET /audit": undefined,
  "GET /audit/lines": undefined,
  "GET /pipelines/{pipeline_id}/statistics": undefined,
  "GET /pipelines/{pipeline_id}/statistics/series": undefined,
  "GET /statistics/series": undefined,
  "GET /pipelines/{pipeline_id}/events": undefined,
  "GET /runs/{task_id}/events": undefined,
  "GET /events": undefined,
  "GET /workers": undefined
}

const BAD_QUERY: Readonly<Record<string, string>> = {
  statistics: "?window=x",
  series: "?points=x",
  events: "?after=-1",
  runs: "?limit=x",
  "{task_id}": "?values=x"
}
const badQuery = (path: string): string => BAD_QUERY[path.split("/").at(-1)!] ?? "?limit=x"

const JSON_TYPE = { "content-type": "application/json" }

test("every route that reads a body or a query is here", () => {
  expect(routes.filter(({ key, hasBody }) => hasBody && !(key in GOOD))).toEqual([])
})

test("an invalid request without permission is refused, counted and recorded like a valid one", async () => {
  const runs = Object.fromEntries(
    await Promise.all(
      ["flow", "secret"].map(async (id) => [
        id,
        (await as("owner", "POST", `/pipelines/${id}/execute`, { json: { wait: true } })).json.task_id
      ])
    )
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.keys(GOOD)),
      fc.constantFrom("stranger", "reader", "leftOut"),
      fc.constantFrom("flow", "secret"),
      fc.constantFrom("type", "syntax", "depth", "length", "keys"),
      async (key, who, pipeline, fault) => {
        const [method, template] = key.split(" ") as [string, string]
        const path = template
          .replace("{pipeline_id}", pipeline)
          .replace("{task_id}", runs[pipeline])
          .replace("{step}", "say")
        const json = JSON.parse(JSON.stringify(GOOD[key] ?? {}).replace("PIPELINE", pipeline))
        const bad: Readonly<Record<string, RequestParts>> = {
          type: { body: JSON.stringify(json), headers: { "content-type": "text/plain" } },
          syntax: { body: "{", headers: JSON_TYPE },
          depth: { body: "[".repeat(500), headers: JSON_TYPE },
          length: { body: `"${"x".repeat(1 << 20)}"`, headers: JSON_TYPE },
          keys: { json: { ...json, strange: 1 } }
        }
        const isQuery = method === "GET"
        const good = await as(who, method, path, isQuery ? {} : { json })
        // Where the caller has the permission, there is no refusal to compare.
        if (good.status !== 403 && good.status !== 404) return
        // Only the body names the object of these requests, and it is invalid.
        if (["POST /schedules", "POST /tokens"].includes(key) && fault !== "keys") return
        const id = `${Math.random()}`
        const sent = isQuery ? {} : bad[fault]!
        const refused = await as(who, method, isQuery ? path + badQuery(template) : path, {
          ...sent,
          headers: { ...sent.headers, "x-request-id": id }
        })
        expect([key, refused.status, refused.json.error]).toEqual([key, good.status, good.json.error])
        expect(refused.headers.has("ratelimit")).toBe(good.headers.has("ratelimit"))
        const { records } = (await as("owner", "GET", "/audit?limit=10")).json
        expect(records).toContainEqual(expect.objectContaining({ request_id: id, operation: key }))
      }
    ),
    { numRuns: 400 }
  )
})

test.each(Object.keys(GOOD))("an invalid %s with permission is a 400, counted and recorded", async (key) => {
  const [method, template] = key.split(" ") as [string, string]
  const run = (await as("owner", "POST", "/pipelines/flow/execute", { json: { wait: true } })).json.task_id
  const path = template.replace("{pipeline_id}", "flow").replace("{task_id}", run).replace("{step}", "say")
  const id = `of-${key.replaceAll(/\W/g, "")}`
  const sent = method === "GET" ? {} : { body: "{", headers: JSON_TYPE }
  const answer = await as("owner", method, method === "GET" ? path + badQuery(template) : path, {
    ...sent,
    headers: { ...sent.headers, "x-request-id": id }
  })
  expect([answer.status, answer.headers.has("ratelimit")]).toEqual([400, true])
  const { records } = (await as("owner", "GET", "/audit?limit=5")).json
  const own = records.filter(({ request_id }: { readonly request_id: string }) => request_id === id)
  expect(own).toMatchObject([{ outcome: "allowed", principal: "ApiKey:owner", operation: key }])
})
