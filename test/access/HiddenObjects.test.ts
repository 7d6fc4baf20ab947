/** An object that is hidden from a caller gets the same answer as one that does not exist, on every route. */
import * as Schema from "effect/Schema"
import { afterAll, expect, test } from "vitest"
import { routes } from "../../adapters/http/index.ts"
import { type Acl, Pipeline, Task } from "../../adapters/promise/index.ts"
import { type ReadAnswer, type RequestParts, servePrincipals } from "./PrincipalServer.ts"

const all = ["read", "execute", "admin"] as const
const task = Task.make("say", { input: {}, output: { said: Schema.String }, run: () => ({ said: "x" }) })
const pipelines = ["open", "hidden", "executed"].map((id) => Pipeline.make(id, [task]))

const ACLS: Readonly<Record<string, Acl.Acl>> = {
  hidden: { read: ["owner"], execute: ["owner"], admin: ["owner"] },
  executed: { read: ["owner"], execute: ["owner", "one"], admin: ["owner"] }
}

/**
 * Every caller except the owner is called `one`: with each grant that would reach the hidden objects, and with one that
 * would not.
 */
const GRANTS = {
  reads: { pipelines: ["*"], permissions: ["read"] },
  executes: { pipelines: ["*"], permissions: ["read", "execute"] },
  administers: { pipelines: ["*"], permissions: all },
  prefixed: { pipelines: ["hid*", "abs*", "open"], permissions: all },
  elsewhere: { pipelines: ["open"], permissions: all }
} as const

const servers = Object.entries(GRANTS).map(([name, grant]) => ({
  name,
  ...servePrincipals(
    { owner: { pipelines: ["*"], permissions: all }, one: grant },
    {
      pipelines,
      access: { acls: ACLS, limits: { read: "10000/minute", execute: "10000/minute", admin: "10000/minute" } }
    }
  )
}))
afterAll(() => Promise.all(servers.map((server) => server[Symbol.asyncDispose]())))

const HIDDEN = { pipeline: "hidden", run: "", schedule: "hidden" }
const ABSENT = { pipeline: "absent", run: "01k8j5lp955mjiil1018jfs55ejh0j", schedule: "absent" }

/** The body for each route that has one. */
const bodies: Readonly<Record<string, (at: typeof HIDDEN) => unknown>> = {
  "POST /pipelines/{pipeline_id}/execute": () => ({}),
  "POST /runs/{task_id}/cancel": () => ({}),
  "POST /runs/{task_id}/retry": () => ({}),
  "POST /runs/cancel": ({ run }) => ({ task_ids: [run] }),
  "POST /runs/retry": ({ run }) => ({ task_ids: [run] }),
  "POST /schedules": ({ pipeline }) => ({ id: "fresh", pipeline_id: pipeline, every: 86_400 }),
  "PUT /pipelines/{pipeline_id}/acl": () => ({ read: ["one"] }),
  "POST /tokens": ({ pipeline }) => ({ pipeline_id: pipeline })
}

/** An answer without the requested ids and without timestamps. */
const seen = ({ status, headers, text }: ReadAnswer, at: typeof HIDDEN): string =>
  JSON.stringify([
    status,
    [...headers].flatMap(([name, value]) =>
      ["x-request-id", "content-length"].includes(name) ? [] : [`${name}: ${value.replace(/[rt]=\d+/g, "")}`]
    ),
    Object.values(at)
      .reduce((rest, id) => rest.replaceAll(id, "ID"), text)
      .replace(/"timestamp":"[^"]+"/, "")
  ])

// A caller that creates an object under a name learns whether the name is free; see the next test.
const asked = routes.filter(
  ({ key, permission }) =>
    permission !== "none" && (key.includes("{") || bodies[key]) && key !== "POST /pipelines/{pipeline_id}"
)

test.each(servers)("a caller can't tell a hidden object from a missing one: the caller $name", async ({ as }) => {
  const run = (await as("owner", "POST", "/pipelines/hidden/execute", { json: { wait: true } })).json.task_id
  await as("owner", "POST", "/schedules", { json: { id: "hidden", pipeline_id: "hidden", every: 86_400 } })
  // First the requests that leave audit records.
  const paths = [
    "GET /runs?pipeline_id={pipeline_id}",
    "GET /audit?pipeline_id={pipeline_id}",
    "GET /audit/lines?pipeline_id={pipeline_id}",
    "GET /pipelines/{pipeline_id}/statistics?window=0",
    "GET /pipelines/{pipeline_id}/statistics/series?minutes=0",
    "GET /pipelines/{pipeline_id}/events?after=x",
    "GET /runs/{task_id}/events?after=x",
    ...asked.map(({ key }) => key)
  ]
  const wrong: Array<string> = []
  for (const key of paths) {
    const [there, not] = await Promise.all(
      [{ ...HIDDEN, run }, ABSENT].map(async (at) => {
        const [method, path] = key.split(" ") as [string, string]
        const filled = path
          .replace("{pipeline_id}", at.pipeline)
          .replace("{task_id}", at.run)
          .replace("{schedule_id}", at.schedule)
          .replace("{file}", "start.js")
        const json = bodies[key]?.(at)
        const sent: RequestParts = json === undefined ? {} : { json }
        return seen(await as("one", method, filled, sent), at)
      })
    )
    if (there !== not) wrong.push(`${key}\n  ${there}\n  ${not}`)
  }
  expect(wrong.join("\n")).toBe("")
})

test("a caller that may execute a pipeline but not read it learns that it exists", async () => {
  const { as } = servers[1]!
  expect((await as("one", "POST", "/pipelines/executed/execute", { json: {} })).status).toBe(202)
  expect((await as("one", "GET", "/pipelines/executed")).status).toBe(403)
})

test("requests for missing pipelines are in the audit log of callers from whom nothing is hidden", async () => {
  const { as } = servers.find(({ name }) => name === "administers")!
  await as("one", "GET", "/pipelines/absent")
  await as("one", "GET", "/pipelines/open")
  const about = async (who: string) => (await as(who, "GET", "/audit?pipeline_id=absent")).json.records.length
  expect(await about("one")).toBe(0)
  expect(await about("owner")).toBeGreaterThan(0)
  const shown = (await as("one", "GET", "/audit?limit=1000")).json.records.map(
    (record: { readonly pipeline_id: string | null }) => record.pipeline_id
  )
  expect([...new Set(shown)]).toEqual(["open"])
})

test("a free id can be registered and a hidden one can't: only registration tells them apart", async () => {
  const { as } = servers.find(({ name }) => name === "administers")!
  const make = (id: string) =>
    as("one", "POST", `/pipelines/${id}`, { json: { pipeline_type: "dataflow", tasks: ["say"] } })
  expect((await make("hidden")).status).toBe(403)
  // The same answer as for an id that the caller may not register.
  const { as: prefixed } = servers.find(({ name }) => name === "prefixed")!
  const refused = await prefixed("one", "POST", "/pipelines/elsewhere", {
    json: { pipeline_type: "dataflow", tasks: ["say"] }
  })
  expect([refused.status, refused.json.message.replace("elsewhere", "hidden")]).toEqual([
    403,
    (await make("hidden")).json.message
  ])
  expect((await make("free")).status).toBe(201)
})

test.each(["prefixed", "administers"])(
  "the id of a schedule reveals no schedule of another pipeline: the caller is %s",
  async (who) => {
    const { as } = servers.find(({ name }) => name === who)!
    await as("owner", "POST", "/schedules", { json: { id: "nightly", pipeline_id: "hidden", every: 86_400 } })
    const make = (id: string) => as("one", "POST", "/schedules", { json: { id, pipeline_id: "open", every: 86_400 } })
    const [taken, free] = [await make("nightly"), await make("weekly")]
    expect([taken.status, free.status]).toEqual([400, 400])
    expect(taken.json.message.replaceAll("nightly", "weekly")).toBe(free.json.message)
    expect((await make("open:nightly")).status).toBe(201)
    expect((await make("open:nightly")).status).toBe(201)
    expect((await as("one", "POST", "/schedules", { json: { pipeline_id: "open", every: 86_400 } })).status).toBe(201)
    // A caller that administers all pipelines may choose any id.
    expect(
      (await as("owner", "POST", "/schedules", { json: { id: "daily", pipeline_id: "open", every: 86_400 } })).status
    ).toBe(201)
  }
)
