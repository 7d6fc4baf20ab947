/** Many runs at once, and the claims of workers: who may act on which, what is counted, what is recorded. */
import * as Schema from "effect/Schema"
import { afterAll, expect, test } from "vitest"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import { type ReadAnswer, servePrincipals } from "./PrincipalServer.ts"

const all = ["read", "execute", "admin"] as const
const hold = Task.make("hold", {
  output: { held: Schema.String },
  run: (_, { signal }) =>
    new Promise<{ held: string }>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
})
const fail = Task.make("fail", {
  output: { failed: Schema.String },
  run: () => {
    throw new Error("no")
  }
})
const pipelines = ["own", "foreign", "shown"].map((id) => Pipeline.make(id, [fail]))
const server = servePrincipals(
  {
    owner: { pipelines: ["*"], permissions: all },
    ada: { pipelines: ["own", "held_own"], permissions: ["read", "execute"] },
    reader: { pipelines: ["*"], permissions: ["read"] },
    blind: { pipelines: ["own"], permissions: ["execute"] },
    hasty: { pipelines: ["own"], permissions: ["read", "execute"] },
    nobody: { pipelines: [], permissions: [] }
  },
  {
    pipelines: [...pipelines, Pipeline.make("held_own", [hold]), Pipeline.make("held_foreign", [hold])],
    access: { limits: { execute: "60/minute" } }
  }
)
afterAll(() => server[Symbol.asyncDispose]())
const { as } = server

// biome-ignore lint/suspicious/noExplicitAny: the assertions state its shape
type Json = any

const failedRun = async (pipeline: string): Promise<string> =>
  (await as("owner", "POST", `/pipelines/${pipeline}/execute`, { json: { wait: true } })).json.task_id
const resultsOf = ({ json }: ReadAnswer): ReadonlyArray<Json> => json.results

const until = async <A>(look: () => Promise<A | undefined>): Promise<A> => {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test("a run that the caller may not read is like one that does not exist", async () => {
  const [own, foreign] = [await failedRun("own"), await failedRun("foreign")]
  for (const path of ["/runs/retry", "/runs/cancel"]) {
    const answer = await as("ada", "POST", path, { json: { task_ids: [foreign, "absent", own] } })
    const [hidden, absent, mine] = resultsOf(answer)
    expect(hidden.error).toBe("RunNotFoundError")
    expect(JSON.stringify(hidden).replaceAll(foreign, "ID")).toBe(JSON.stringify(absent).replaceAll("absent", "ID"))
    expect(mine.error).toBeUndefined()
  }
})

test("without the permission on any pipeline, nothing is answered about runs", async () => {
  const own = await failedRun("own")
  for (const who of ["reader", "nobody"]) {
    for (const json of [{ task_ids: [own, "absent"] }, { filter: {} }, { filter: { pipeline_id: "own" } }, {}]) {
      for (const path of ["/runs/retry", "/runs/cancel"]) {
        const answer = await as(who, "POST", path, { json })
        expect([answer.status, answer.json.error], `${who} ${path}`).toEqual([403, "AccessDeniedError"])
      }
    }
  }
})

test("a filter takes the runs that the caller may both read and execute", async () => {
  const own = await failedRun("own")
  await failedRun("foreign")
  const taken = resultsOf(
    await as("ada", "POST", "/runs/retry", { json: { filter: { status: "FAILED" }, limit: 200 } })
  )
  expect(taken.map(({ task_id }: Json) => task_id)).toContain(own)
  for (const { task_id } of taken) {
    expect((await as("ada", "GET", `/runs/${task_id}`)).json.pipeline_id).toBe("own")
  }
  // A filter by error would tell of runs that the caller may not read.
  expect((await as("blind", "POST", "/runs/retry", { json: { filter: { error: "no" } } })).json.results).toEqual([])
  expect(resultsOf(await as("blind", "POST", "/runs/cancel", { json: { task_ids: [own] } }))).toEqual([
    { task_id: own, status: "FAILED" }
  ])
})

test("each run is recorded and counted by principal, like the request for it alone", async () => {
  const own = await failedRun("own")
  const before = Date.now()
  const many = [own, ...Array.from({ length: 79 }, (_, at) => `absent-${at}`), own]
  const results = resultsOf(await as("hasty", "POST", "/runs/cancel", { json: { task_ids: many } }))
  expect(results).toHaveLength(81)
  expect(results[80]).toEqual(results[0])
  const limited = results.filter(({ error }: Json) => error === "RateLimitedError")
  expect(limited).toHaveLength(20)
  const since = new Date(before).toISOString()
  const { records } = (await as("owner", "GET", `/audit?principal=ApiKey:hasty&since=${since}&limit=1000`)).json
  expect(new Set(records.map(({ operation, permission }: Json) => `${operation} ${permission}`))).toEqual(
    new Set(["POST /runs/cancel execute"])
  )
  expect(records).toHaveLength(80)
  expect(records.filter(({ task_id }: Json) => task_id === own)).toHaveLength(1)
  // A later request is refused as a whole only where its one check is.
  const { status } = await as("hasty", "POST", "/runs/cancel", { json: { filter: {} } })
  expect(status).toBe(429)
})

test("workers are shown to readers, with the claims of pipelines that the caller may read", async () => {
  const started = [
    (await as("owner", "POST", "/pipelines/held_own/execute", { json: {} })).json.task_id,
    (await as("owner", "POST", "/pipelines/held_foreign/execute", { json: {} })).json.task_id
  ]
  const worker = await until(async () => {
    const [found] = (await as("owner", "GET", "/workers")).json.workers
    return found?.claims.length === 2 ? found : undefined
  })
  expect(worker.running).toBe(2)
  expect(worker.claims.map(({ task_id }: Json) => task_id).sort()).toEqual([...started].sort())
  const [seen] = (await as("ada", "GET", "/workers")).json.workers
  expect([seen.id, seen.running]).toEqual([worker.id, 2])
  expect(seen.claims).toEqual([
    {
      task_id: started[0],
      pipeline_id: "held_own",
      step: "hold",
      item: null,
      attempt: 1,
      claimed_at: expect.stringMatching(/Z$/)
    }
  ])
  expect((await as("nobody", "GET", "/workers")).status).toBe(403)
  await as("owner", "POST", "/runs/cancel", { json: { task_ids: started } })
})
