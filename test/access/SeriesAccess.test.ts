/** Statistics over time count only the pipelines that the caller may read. */
import * as Schema from "effect/Schema"
import { afterAll, expect, test } from "vitest"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import { send, servePrincipals } from "./PrincipalServer.ts"

const task = Task.make("say", { input: {}, output: { said: Schema.String }, run: () => ({ said: "x" }) })
const ids = ["open", "left_out", "elsewhere"]
const server = servePrincipals(
  {
    owner: { pipelines: ["*"], permissions: ["read", "execute", "admin"] },
    reader: { pipelines: ["open", "left_out"], permissions: ["read"] },
    executor: { pipelines: ["*"], permissions: ["execute"] },
    stranger: { pipelines: ["absent"], permissions: ["read"] }
  },
  {
    pipelines: ids.map((id) => Pipeline.make(id, [task])),
    access: { acls: { left_out: { read: ["owner"], execute: ["owner"], admin: ["owner"] } } }
  }
)
afterAll(() => server[Symbol.asyncDispose]())

const completed = async (who: string, path: string): Promise<number> => {
  const { status, json } = await server.as(who, "GET", path)
  if (status !== 200) return -status
  return json.points.reduce((sum: number, point: { readonly completed: number }) => sum + point.completed, 0)
}

test("a series over all pipelines counts those that the caller may read", async () => {
  // One run of the first, two of the second, four of the third.
  for (const [at, id] of ids.entries()) {
    for (let run = 0; run < 2 ** at; run++) {
      await server.as("owner", "POST", `/pipelines/${id}/execute`, { json: { wait: true } })
    }
  }
  for (const path of ["/statistics/series", "/statistics/series?minutes=1440&points=1"]) {
    expect(await completed("owner", path)).toBe(7)
    expect(await completed("reader", path)).toBe(1)
    // It may read, but none of these.
    expect(await completed("stranger", path)).toBe(0)
    expect(await completed("executor", path)).toBe(-403)
  }
  const series = (id: string) => `/pipelines/${id}/statistics/series`
  expect(await Promise.all(ids.map((id) => completed("owner", series(id))))).toEqual([1, 2, 4])
  // The pipeline that the ACL hides looks as if it did not exist.
  expect(await Promise.all(ids.map((id) => completed("reader", series(id))))).toEqual([1, -404, -403])
})

test("a narrowed token counts its own pipeline; a token for a run counts nothing", async () => {
  const run = (await server.as("owner", "POST", "/pipelines/open/execute", { json: { wait: true } })).json.task_id
  const count = async (wish: object): Promise<number> => {
    const { token } = (await server.as("owner", "POST", "/tokens", { json: wish })).json
    const { json } = await send(server.levada, "GET", "/statistics/series", {
      headers: { authorization: `Bearer ${token}` }
    })
    return json.points.reduce((sum: number, point: { readonly completed: number }) => sum + point.completed, 0)
  }
  expect(await count({ pipeline_id: "open" })).toBe(2)
  expect(await count({ task_id: run })).toBe(0)
})
