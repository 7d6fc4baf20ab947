/**
 * Calls that Eden's client has to accept and to refuse. Compiled by a test, never run. Each line under
 * `@ts-expect-error` must not compile.
 */
import { treaty } from "@elysiajs/eden"
import { openapi } from "@elysiajs/openapi"
import { swagger } from "@elysiajs/swagger"
import { Elysia } from "elysia"
import { ElysiaPlugin } from "../../adapters/elysia/index.ts"
import type { HealthWire, PipelineWire, RunWire, ScheduleWire } from "../../adapters/http/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => undefined

/** The type of a successful call. */
type Data<Call extends (...args: never) => unknown> =
  Awaited<ReturnType<Call>> extends infer Answer
    ? Answer extends { readonly data: infer Value; readonly error: null }
      ? Value
      : never
    : never

const levada = Levada.make({ pipelines: [], access: Access.open })
const client = treaty<ElysiaPlugin.Plugin>("localhost:8000")
const { pipelines, health, runs, schedules } = client
const one = pipelines({ pipeline_id: "x" })
const run = runs({ task_id: "x" })
const schedule = schedules({ schedule_id: "x" })

// Results have the types of the wire.
same<Data<typeof health.get>, HealthWire.Health>(true)
same<Data<typeof pipelines.get>, ReadonlyArray<PipelineWire.PipelineRow>>(true)
same<Data<typeof one.status.get>, PipelineWire.PipelineStatus>(true)
same<Data<typeof one.dag.get>, PipelineWire.DagJson>(true)
same<Data<typeof one.dag.dot.get>, string>(true)
same<Data<typeof one.visualize.get>, PipelineWire.Visualization>(true)
same<Data<typeof one.post>, PipelineWire.PipelineRow>(true)
same<Data<typeof one.execute.post>, RunWire.Completed | RunWire.Started>(true)
same<Data<typeof one.get>, PipelineWire.PipelineDetail>(true)
same<Data<typeof one.pause.post>, PipelineWire.Paused>(true)
same<Data<typeof one.resume.post>, PipelineWire.Paused>(true)
same<Data<typeof one.delete>, undefined>(true)
same<Data<typeof runs.get>, RunWire.Runs>(true)
same<Data<typeof run.get>, RunWire.RunDetail | RunWire.RunOutline>(true)
same<Data<typeof run.logs.get>, RunWire.Logs>(true)
same<Data<typeof run.cancel.post>, RunWire.Cancelling>(true)
same<Data<typeof run.retry.post>, RunWire.Started>(true)
same<Data<typeof run.delete>, undefined>(true)
same<Data<typeof schedules.get>, ScheduleWire.Schedules>(true)
same<Data<typeof schedules.post>, ScheduleWire.ScheduleJson>(true)
same<Data<typeof schedule.get>, ScheduleWire.ScheduleDetail>(true)
same<Data<typeof schedule.delete>, undefined>(true)
same<Data<typeof schedule.pause.post>, ScheduleWire.ScheduleJson>(true)
same<Data<typeof schedule.resume.post>, ScheduleWire.ScheduleJson>(true)
const { data, error } = await pipelines.result({ task_id: "x" }).get()
same<NonNullable<typeof data>["status"], "COMPLETED" | "PENDING" | "RUNNING">(true)
if (error?.status === 404) same<typeof error.value.error, string>(true)
if (data?.status === "COMPLETED") same<typeof data.result, unknown>(true)

// Arguments are checked.
void one.execute.post()
void one.execute.post({ parameters: { any: { thing: 1 } }, wait: true, timeout: 1.5 })
void one.execute.post({ parameters: {} }, { query: { wait: true, timeout: 1 } })
void one.post({ pipeline_type: "sequential", tasks: ["a"] })
void one.execute.post({ given: { v: 1 }, targets: ["a"], on_failure: "skip", priority: -1, delay: 5, run_timeout: 60 })
void runs.get()
void runs.get({ query: { pipeline_id: "x", status: "FAILED", since: "2026-11-24T00:00:00Z", limit: 10, cursor: "c" } })
void run.cancel.post()
void run.cancel.post({ reason: "enough", step: "a" })
void run.retry.post()
void run.retry.post({ from: ["a"] })
void schedules.post({ pipeline_id: "x", cron: "0 3 * * *", time_zone: "Europe/Lisbon", overlap: "queue" })
void schedules.post({ id: "often", pipeline_id: "x", every: 60, catch_up: "all", overlap: "allow", grace: 1 })
// @ts-expect-error no such policy
void one.execute.post({ on_failure: "ignore" })
// @ts-expect-error no such status
void runs.get({ query: { status: "DONE" } })
// @ts-expect-error a reason is a text
void run.cancel.post({ reason: 1 })
// @ts-expect-error steps are a list
void run.retry.post({ from: "a" })
// @ts-expect-error the pipeline is missing
void schedules.post({ every: 60 })
// @ts-expect-error no such key
void one.execute.post({ parameter: {} })
// @ts-expect-error parameters are an object
void one.execute.post({ parameters: "x" })
// @ts-expect-error wait is true or false
void one.execute.post({ wait: "yes" })
// @ts-expect-error no such query parameter
void one.execute.post({}, { query: { patience: 1 } })
// @ts-expect-error no such type of pipeline
void one.post({ pipeline_type: "circular", tasks: ["a"] })
// @ts-expect-error the tasks are missing
void one.post({ pipeline_type: "sequential" })
// @ts-expect-error the body is missing
void one.post()

// Only routes of the table exist.
// @ts-expect-error no such path
void client.pipeline
// @ts-expect-error no such view
void one.dag.png
// @ts-expect-error a status is read, not written
void one.status.post
// @ts-expect-error the parameter has another name
void pipelines({ id: "x" })

// The version prefix has the same routes.
same<Data<typeof client.api.v1.pipelines.get>, ReadonlyArray<PipelineWire.PipelineRow>>(true)
const versioned = client.api.v1.pipelines({ pipeline_id: "x" })
same<Data<typeof versioned.dag.get>, PipelineWire.DagJson>(true)
// @ts-expect-error no such key
void versioned.execute.post({ parameter: {} })

// Types are kept beside the app's own routes, hooks and both documentation plugins, below a prefix.
const app = new Elysia({ prefix: "/flows" })
  .onBeforeHandle(() => undefined)
  .use(swagger())
  .use(openapi())
  .get("/mine", () => ({ mine: true }))
  .use(ElysiaPlugin.plugin(levada))
  .get("/pipelines/mine", () => 1)
const below = treaty(app).flows
const belowOne = below.pipelines({ pipeline_id: "x" })
same<Data<typeof belowOne.dag.get>, PipelineWire.DagJson>(true)
same<Data<typeof below.mine.get>, { mine: boolean }>(true)
same<Data<typeof below.pipelines.mine.get>, number>(true)
// @ts-expect-error the API is below the prefix only
void treaty(app).pipelines
const grouped = treaty(new Elysia().group("/tenants/:tenant", (group) => group.use(ElysiaPlugin.plugin(levada))))
const groupedHealth = grouped.tenants({ tenant: "a" }).health
same<Data<typeof groupedHealth.get>, HealthWire.Health>(true)

// So they are for the result of `serve`.
const { app: served } = await ElysiaPlugin.serve(levada)
same<typeof served, ElysiaPlugin.Plugin>(true)
