/**
 * What one principal can reach through another's object. For every pair of routes: one principal creates or changes an
 * object with the first, another one uses the result with the second.
 */
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { afterAll, expect, test } from "vitest"
import { routes } from "../../adapters/http/index.ts"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import { type ReadAnswer, type RequestParts, servePrincipals } from "./PrincipalServer.ts"

const all = ["read", "execute", "admin"] as const
const SECRET = "secret-result-of-ada"

/** How often each task ran. */
const ran = { pay: 0, mail: 0 }
const task = (name: keyof typeof ran) =>
  Task.make(name, {
    input: {},
    output: { done: Schema.String },
    run: () => {
      ran[name]++
      return { done: name === "pay" ? SECRET : "mail" }
    }
  })

/** Ada may use pipelines that begin with `bank_`, Bob pipelines that begin with `post_`. */
const server = servePrincipals(
  { ada: { pipelines: ["bank_*"], permissions: all }, bob: { pipelines: ["post_*"], permissions: all } },
  {
    pipelines: [Pipeline.make("bank_pay", [task("pay")]), Pipeline.make("post_mail", [task("mail")])],
    access: { failuresByAddress: "100000/minute" }
  }
)
afterAll(() => server[Symbol.asyncDispose]())

const guarded = routes.flatMap(({ key, permission }) => (permission === "none" ? [] : [key]))
let count = 0

/** The objects of a request: names that the first principal has used, or an object that it created. */
interface Names {
  readonly pipeline: string
  readonly run: string
  readonly schedule: string
  readonly key: string
}

const bodyOf = (key: string, { pipeline, run, schedule }: Names, tasks: ReadonlyArray<string>): unknown =>
  ({
    "POST /pipelines/{pipeline_id}": { pipeline_type: "dataflow", tasks },
    "POST /pipelines/{pipeline_id}/execute": { wait: true },
    "POST /runs/{task_id}/cancel": {},
    "POST /runs/{task_id}/retry": { from: [tasks[0]] },
    "POST /runs/cancel": { task_ids: [run] },
    "POST /runs/retry": count % 2 === 0 ? { task_ids: [run] } : { filter: { pipeline_id: pipeline } },
    "POST /schedules": { id: schedule, pipeline_id: pipeline, every: 86_400 },
    "PUT /pipelines/{pipeline_id}/acl": { read: ["ada", "bob"], execute: ["ada", "bob"] },
    "POST /tokens": count % 2 === 0 ? { pipeline_id: pipeline } : { task_id: run }
  })[key]

const ask = (who: string, key: string, names: Names, tasks: ReadonlyArray<string>): Promise<ReadAnswer> => {
  const [method, path] = key.split(" ") as [string, string]
  const json = bodyOf(key, names, tasks)
  const sent: RequestParts = {
    ...(json !== undefined && { json }),
    ...(key.endsWith("/execute") && { headers: { "idempotency-key": names.key } })
  }
  const filled = path
    .replace("{pipeline_id}", names.pipeline)
    .replace("{task_id}", names.run)
    .replace("{schedule_id}", encodeURIComponent(names.schedule))
  return server.as(who, method, filled, sent)
}

/** An answer without the results that say only that a requested run is missing. */
const told = ({ text, json }: ReadAnswer): string => {
  const isMissing = ({ error }: { readonly error?: string }) => error === "RunNotFoundError"
  return Array.isArray(json?.results) ? JSON.stringify(json.results.filter((each: object) => !isMissing(each))) : text
}

/** Answers with the ids of the results in place of those of the request. */
const after = (names: Names, { json }: ReadAnswer): Names => ({ ...names, ...(json?.task_id && { run: json.task_id }) })

test("a route that Ada calls gives Bob no access through another route", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...guarded),
      fc.constantFrom(...guarded),
      fc.constantFrom("bank_pay", "bank_new"),
      fc.boolean(),
      async (first, second, own, isBobsPipeline) => {
        count++
        const start = (await ask("ada", "POST /pipelines/{pipeline_id}/execute", namesOf("bank_pay"), ["pay"])).json
        const names = { ...namesOf(own), run: start.task_id }
        const made = after(names, await ask("ada", first, names, ["pay"]))
        const before = ran.pay
        // Bob may name Ada's objects, or his own with Ada's key, schedule, run or task.
        const used = { ...made, ...(isBobsPipeline && { pipeline: `post_new_${count}` }) }
        const answer = await ask("bob", second, used, ["pay"])
        expect(answer.text, `${first}, ${second}`).not.toContain(SECRET)
        // An answer may quote the requested id of a missing run, but reveals no other id.
        if (answer.status < 400) expect(told(answer), `${first}, ${second}`).not.toContain(made.run)
        if (isBobsPipeline) await ask("bob", "POST /pipelines/{pipeline_id}/execute", used, ["pay"])
        // The task does not run for him later either.
        if (answer.json?.task_id !== undefined)
          await server.as("bob", "GET", `/pipelines/result/${answer.json.task_id}`)
        expect(ran.pay, `${first}, ${second}`).toBe(before)
        // Restored: a paused pipeline would run nothing for the next pair.
        await server.as("ada", "POST", "/pipelines/bank_pay/resume")
        await server.as("ada", "DELETE", "/pipelines/bank_pay/acl")
        await server.as("ada", "DELETE", "/pipelines/bank_new")
        if (isBobsPipeline) await server.as("bob", "DELETE", `/pipelines/${used.pipeline}`)
      }
    ),
    { numRuns: 600 }
  )
}, 60_000)

const namesOf = (pipeline: string): Names => ({
  pipeline,
  run: "",
  schedule: `${pipeline}:${count}`,
  key: `key-${count}`
})
