/**
 * The second dimension of who may do what: what one principal reaches through an object of another. Every pair of routes:
 * the first makes or changes something as one principal, the second uses what came of it as another.
 */
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { afterAll, expect, test } from "vitest"
import { routes } from "../../adapters/http/index.ts"
import { Pipeline, Task } from "../../adapters/promise/index.ts"
import { type Answered, type Sent, served } from "./Served.ts"

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

/** Ada has everything that begins with `bank_`, Bob everything that begins with `post_`. */
const server = served(
  { ada: { pipelines: ["bank_*"], permissions: all }, bob: { pipelines: ["post_*"], permissions: all } },
  {
    pipelines: [Pipeline.make("bank_pay", [task("pay")]), Pipeline.make("post_mail", [task("mail")])],
    access: { failuresByAddress: "100000/minute" }
  }
)
afterAll(() => server[Symbol.asyncDispose]())

const guarded = routes.flatMap(({ key, permission }) => (permission === "none" ? [] : [key]))
let count = 0

/** What a request is about: names that the first principal has used, or an object that it made. */
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
    "POST /schedules": { id: schedule, pipeline_id: pipeline, every: 86_400 },
    "PUT /pipelines/{pipeline_id}/acl": { read: ["ada", "bob"], execute: ["ada", "bob"] },
    "POST /tokens": count % 2 === 0 ? { pipeline_id: pipeline } : { task_id: run }
  })[key]

const ask = (who: string, key: string, names: Names, tasks: ReadonlyArray<string>): Promise<Answered> => {
  const [method, path] = key.split(" ") as [string, string]
  const json = bodyOf(key, names, tasks)
  const sent: Sent = {
    ...(json !== undefined && { json }),
    ...(key.endsWith("/execute") && { headers: { "idempotency-key": names.key } })
  }
  const filled = path
    .replace("{pipeline_id}", names.pipeline)
    .replace("{task_id}", names.run)
    .replace("{schedule_id}", encodeURIComponent(names.schedule))
  return server.as(who, method, filled, sent)
}

/** What came of a request, in the place of what it was asked with. */
const after = (names: Names, { json }: Answered): Names => ({ ...names, ...(json?.task_id && { run: json.task_id }) })

test("what Ada makes or changes by one route gives Bob nothing by another", async () => {
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
        // What Bob names may be Ada's, or his own with Ada's key, schedule, run or task.
        const used = { ...made, ...(isBobsPipeline && { pipeline: `post_new_${count}` }) }
        const answer = await ask("bob", second, used, ["pay"])
        expect(answer.text, `${first}, ${second}`).not.toContain(SECRET)
        // It may quote the id that was asked for where there is no such run, and knows of none otherwise.
        if (answer.status < 400) expect(answer.text, `${first}, ${second}`).not.toContain(made.run)
        if (isBobsPipeline) await ask("bob", "POST /pipelines/{pipeline_id}/execute", used, ["pay"])
        // Nor does the task run for him, not even a moment later.
        if (answer.json?.task_id !== undefined)
          await server.as("bob", "GET", `/pipelines/result/${answer.json.task_id}`)
        expect(ran.pay, `${first}, ${second}`).toBe(before)
        // As it was: a pipeline that is paused runs nothing for the next.
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
