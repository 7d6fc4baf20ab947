/** The run of a picture: who may see it, and what others learn of it. */
import * as Schema from "effect/Schema"
import { afterAll, expect, test } from "vitest"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import { type ReadAnswer, servePrincipals } from "./PrincipalServer.ts"

const task = Task.make("say", { input: {}, output: { said: Schema.String }, run: () => ({ said: "x" }) })
const all = ["read", "execute", "admin"] as const
const server = servePrincipals(
  { owner: { pipelines: ["*"], permissions: all }, one: { pipelines: ["open"], permissions: ["read"] } },
  { pipelines: ["open", "other"].map((id) => Pipeline.make(id, [task])), access: {} }
)
afterAll(() => server[Symbol.asyncDispose]())

const runOf = async (pipeline: string): Promise<string> =>
  (await server.as("owner", "POST", `/pipelines/${pipeline}/execute`, { json: { wait: true } })).json.task_id

const seen = ({ status, json }: ReadAnswer, id: string): unknown => [
  status,
  json.error,
  json.message.replaceAll(id, "ID")
]

test("a run that the caller may not read is as absent as for GET /runs, in every form", async () => {
  const [hidden, absent] = [await runOf("other"), "01k8j5lp955mjiil1018jfs55ejh0j"]
  const asked = seen(await server.as("one", "GET", `/runs/${hidden}`), hidden)
  expect(asked).toEqual([404, "RunNotFoundError", "Run 'ID' does not exist or has expired"])
  for (const form of ["svg", "layout", "cytoscape", "mermaid", "ascii", "critical-path"]) {
    for (const id of [hidden, absent]) {
      const answer = await server.as("one", "GET", `/pipelines/open/dag/${form}?run=${id}`)
      expect(seen(answer, id), `${form} ${id}`).toEqual(asked)
    }
    // The owner may read both, and learns what is wrong.
    const owned = await server.as("owner", "GET", `/pipelines/open/dag/${form}?run=${hidden}`)
    expect([owned.status, owned.json.error], form).toEqual([409, "RunMismatchError"])
    expect((await server.as("one", "GET", `/pipelines/other/dag/${form}?run=${hidden}`)).status, form).toBe(403)
  }
})

test("a token for one run shows its picture, and no other", async () => {
  const [own, another] = [await runOf("open"), await runOf("open")]
  const { token } = (await server.as("owner", "POST", "/tokens", { json: { task_id: own } })).json
  const visit = (query: string) =>
    server.levada
      .fetch(
        new Request(`http://localhost/pipelines/open/dag/svg${query}`, {
          headers: { authorization: `Bearer ${token}` }
        })
      )
      .then(({ status }) => status)
  expect([await visit(`?run=${own}`), await visit(`?run=${another}`), await visit("")]).toEqual([200, 403, 403])
})

test("one request is one record in the audit log, with pipeline and run", async () => {
  const run = await runOf("open")
  await server.as("one", "GET", `/pipelines/open/dag/svg?run=${run}`)
  const { records } = (await server.as("owner", "GET", "/audit")).json
  const about = records.filter(
    ({ task_id, principal }: Record<string, string>) => task_id === run && principal?.endsWith("one")
  )
  expect(about).toMatchObject([
    { operation: "GET /pipelines/{pipeline_id}/dag/svg", outcome: "allowed", pipeline_id: "open" }
  ])
})

test("a run of an earlier version has no picture of the present one", async () => {
  const define = (tasks: ReadonlyArray<string>) =>
    server.as("owner", "POST", "/pipelines/changing", { json: { pipeline_type: "dataflow", tasks } })
  expect((await define(["say"])).status).toBe(201)
  const run = await runOf("changing")
  expect((await server.as("owner", "GET", `/pipelines/changing/dag/svg?run=${run}`)).status).toBe(200)
  expect((await server.as("owner", "DELETE", "/pipelines/changing")).status).toBe(204)
  expect(
    (await server.as("owner", "POST", "/pipelines/changing", { json: { pipeline_type: "sequential", tasks: ["say"] } }))
      .status
  ).toBe(201)
  const answer = await server.as("owner", "GET", `/pipelines/changing/dag/svg?run=${run}`)
  expect([answer.status, answer.json.error]).toEqual([409, "RunMismatchError"])
  expect(answer.json.message).toMatch(/is of version '\w+' of pipeline 'changing', whose version is '\w+' now/)
})
