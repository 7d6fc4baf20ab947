/** An answer is bounded, whatever it is about: what was sent is not sent back, and lists come in parts. */
import * as Schema from "effect/Schema"
import { afterAll, expect, test } from "vitest"
import { Access, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"
import { asked } from "./Served.ts"

const task = Task.make("say", { input: {}, output: { said: Schema.String }, run: () => ({ said: "x" }) })
const levada = Levada.make({ pipelines: [Pipeline.make("flow", [task])], access: Access.open })
afterAll(() => levada.close())

const LONG = "x".repeat(900_000)
const run = await levada.start(Pipeline.make("flow", [task]), {}).catch(() => "")

const BODIES: ReadonlyArray<readonly [method: string, path: string, keys: ReadonlyArray<string>]> = [
  [
    "POST",
    "/pipelines/flow/execute",
    ["parameters", "targets", "given", "on_failure", "priority", "wait", "timeout", "delay"]
  ],
  ["POST", "/pipelines/fresh", ["pipeline_type", "tasks"]],
  ["POST", `/runs/${run}/cancel`, ["step", "reason"]],
  ["POST", `/runs/${run}/retry`, ["from"]],
  [
    "POST",
    "/schedules",
    ["id", "pipeline_id", "cron", "time_zone", "every", "parameters", "catch_up", "overlap", "grace"]
  ],
  ["PUT", "/pipelines/flow/acl", ["read", "execute", "admin", LONG]],
  ["POST", "/tokens", ["pipeline_id", "task_id", "expires_in"]]
]

test.each(BODIES)("%s %s sends nothing long back", async (method, path, keys) => {
  const valid = { pipeline_type: "dataflow", tasks: ["say"], pipeline_id: "flow", every: 60 }
  for (const key of keys) {
    for (const value of [LONG, [LONG], { [LONG]: LONG }, { data: [LONG] }]) {
      for (const json of [{ [key]: value }, { ...valid, [key]: value }]) {
        const { status, text } = await asked(levada, method, path, { json })
        expect([key.slice(0, 20), status < 500, text.length < 20_000]).toEqual([key.slice(0, 20), true, true])
      }
    }
  }
})

test("GET /schedules and GET /pipelines come in parts", async () => {
  for (let number = 0; number < 25; number++) {
    await asked(levada, "POST", `/pipelines/p${number}`, { json: { pipeline_type: "dataflow", tasks: ["say"] } })
    await asked(levada, "POST", "/schedules", {
      json: { id: `s${String(number).padStart(2, "0")}`, pipeline_id: "flow", every: 86_400 }
    })
  }
  const all = (await asked(levada, "GET", "/pipelines")).json
  expect(all).toHaveLength(26)
  const parts: Array<unknown> = []
  let path: string | undefined = "/pipelines?limit=10"
  while (path !== undefined) {
    const { json, headers } = await asked(levada, "GET", path)
    expect(json.length).toBeLessThanOrEqual(10)
    parts.push(...json)
    path = /^<([^>]+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1]
  }
  expect(parts).toEqual(all)
  const schedules: Array<string> = []
  let cursor: string | null = ""
  while (cursor !== null) {
    const of: string = cursor === "" ? "" : `&cursor=${cursor}`
    const { json } = await asked(levada, "GET", `/schedules?limit=7${of}`)
    expect(json.schedules.length).toBeLessThanOrEqual(7)
    schedules.push(...json.schedules.map(({ id }: { readonly id: string }) => id))
    cursor = json.next_cursor
  }
  expect(schedules).toEqual(Array.from({ length: 25 }, (_, number) => `s${String(number).padStart(2, "0")}`))
  for (const query of ["limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=-1", "cursor=1.5"]) {
    for (const list of ["/pipelines", "/schedules"]) {
      expect([query, (await asked(levada, "GET", `${list}?${query}`)).status]).toEqual([query, 400])
    }
  }
})
