/** Schedules: creating, listing, pausing, removing and refusing them, and the runs that they start. */
import { expect, test } from "vitest"
import {
  ask,
  detailPaths,
  expectRecent,
  get,
  INSTANT,
  type Json,
  keysOf,
  newName,
  pathOf,
  post,
  register,
  type Server,
  until
} from "../../http/harness/Client.ts"

const KEYS = [
  "catch_up",
  "created_at",
  "cron",
  "every",
  "fired",
  "grace",
  "id",
  "last_at",
  "last_task_id",
  "next_at",
  "overlap",
  "parameters",
  "paused",
  "pipeline_id",
  "priority",
  "skipped",
  "time_zone"
]

export const schedulesSuite = (server: Server): void => {
  test("POST /schedules creates a cron schedule; it can be listed, read and removed", async () => {
    const id = newName()
    const made = await post(server, "/schedules", {
      id,
      pipeline_id: "my_pipeline",
      cron: "30 3 * * MON-FRI",
      time_zone: "Europe/Lisbon",
      parameters: { data: "x" },
      overlap: "queue",
      catch_up: "one",
      priority: 4,
      grace: 5
    })
    expect(made.status, made.text).toBe(201)
    expect(keysOf(made.json)).toEqual(KEYS)
    expect(made.json).toMatchObject({
      id,
      pipeline_id: "my_pipeline",
      cron: "30 3 * * MON-FRI",
      time_zone: "Europe/Lisbon",
      every: null,
      parameters: { data: "x" },
      overlap: "queue",
      catch_up: "one",
      priority: 4,
      grace: 5,
      paused: false,
      last_at: null,
      last_task_id: null,
      fired: 0,
      skipped: 0
    })
    expectRecent(made.json.created_at)
    expect(made.json.next_at).toMatch(INSTANT)
    expect(Date.parse(made.json.next_at)).toBeGreaterThan(Date.now())
    const { next_ticks, ...same } = (await get(server, `/schedules/${id}`)).json
    expect(same).toEqual(made.json)
    expect(next_ticks).toHaveLength(5)
    expect([next_ticks[0], next_ticks]).toEqual([made.json.next_at, next_ticks.toSorted()])
    const { json } = await get(server, "/schedules")
    expect(keysOf(json)).toEqual(["next_cursor", "schedules"])
    expect(json.schedules).toContainEqual(made.json)
    expect(json.schedules.map((schedule: Json) => schedule.id)).toEqual(
      json.schedules.map((schedule: Json) => schedule.id).sort()
    )
    const removed = await ask(server, "DELETE", `/schedules/${id}`)
    expect([removed.status, removed.text]).toEqual([204, ""])
    for (const [method, rest] of [
      ["GET", ""],
      ["DELETE", ""],
      ["POST", "/pause"],
      ["POST", "/resume"]
    ] as const) {
      const answer = await ask(server, method, `/schedules/${id}${rest}`)
      expect([answer.status, answer.json.error], method).toEqual([404, "ScheduleNotFoundError"])
    }
  })

  test("an interval schedule starts runs that name their schedule; while paused it starts none", async () => {
    const pipeline = await register(server, ["process"])
    const { json } = await post(server, "/schedules", { pipeline_id: pipeline, every: 1, parameters: { data: "tick" } })
    expect(json).toMatchObject({ every: 1, cron: null, time_zone: null, overlap: "skip", catch_up: "skip", grace: 60 })
    const fired = await until("the first run", async () => {
      const now = await get(server, `/schedules/${json.id}`)
      return now.json.fired > 0 ? now.json : undefined
    })
    const run = (await get(server, `/runs/${fired.last_task_id}`)).json
    expect(run).toMatchObject({
      pipeline_id: pipeline,
      parameters: { data: "tick" },
      schedule: { id: json.id, tick: fired.last_at }
    })
    expect(Date.parse(run.started_at)).toBeGreaterThanOrEqual(Date.parse(fired.last_at))
    const paused = await ask(server, "POST", `/schedules/${json.id}/pause`)
    expect([paused.status, paused.json.paused, paused.json.next_at]).toEqual([200, true, null])
    const resumed = await ask(server, "POST", `/schedules/${json.id}/resume`)
    expect([resumed.json.paused, Date.parse(resumed.json.next_at) > Date.now() - 1_000]).toEqual([false, true])
    // A pipeline with a schedule can't be removed.
    expect((await ask(server, "DELETE", pathOf(pipeline))).json.error).toBe("PipelineProtectedError")
    await ask(server, "DELETE", `/schedules/${json.id}`)
  })

  test("the same definition again returns the existing schedule, another one under its id is a 409", async () => {
    const id = newName()
    const body = { id, pipeline_id: "no_parameters", every: 3_600 }
    const first = await post(server, "/schedules", body)
    expect((await post(server, "/schedules", body)).json).toEqual(first.json)
    const other = await post(server, "/schedules", { ...body, every: 1_800 })
    expect([other.status, other.json.error]).toEqual([409, "ScheduleExistsError"])
    await ask(server, "DELETE", `/schedules/${id}`)
  })

  test("an invalid schedule is refused by name, and is not kept", async () => {
    const body = { pipeline_id: "no_parameters", every: 60 }
    const cron = (expression: string, zone?: string) => ({
      pipeline_id: "no_parameters",
      cron: expression,
      ...(zone !== undefined && { time_zone: zone })
    })
    for (const [bad, status, error] of [
      [cron("0 0 30 2 *"), 400, "ScheduleNeverFiresError"],
      [cron("0 0 * * *", "Europe/Atlantis"), 400, "UnknownTimeZoneError"],
      [cron("hourly"), 400, "InvalidCronError"],
      [{ ...body, pipeline_id: "absent" }, 404, "PipelineNotFoundError"],
      [{ ...body, parameters: { extra: 1 } }, 400, "ParametersInvalidError"],
      [{ ...body, id: "" }, 422, "InvalidNameError"]
    ] as const) {
      const answer = await post(server, "/schedules", bad)
      expect([answer.status, answer.json.error], JSON.stringify(bad)).toEqual([status, error])
    }
    for (const [bad, paths] of [
      [{}, ["cron", "pipeline_id"]],
      [{ ...body, cron: "* * * * *" }, ["cron"]],
      [{ ...body, every: 0 }, ["every"]],
      [{ ...body, every: -5 }, ["every"]],
      [{ ...body, every: "60" }, ["every"]],
      [{ ...body, time_zone: "UTC" }, ["time_zone"]],
      [{ ...body, overlap: "both", catch_up: "some" }, ["catch_up", "overlap"]],
      [{ ...body, catch_up: "all" }, ["overlap"]],
      [{ ...body, priority: 101, grace: -1 }, ["grace", "priority"]],
      [{ ...body, parameters: [], id: 5 }, ["id", "parameters"]],
      [{ ...body, interval: 5 }, ["interval"]],
      [null, [""]]
    ] as const) {
      const answer = await post(server, "/schedules", bad)
      expect([answer.status, detailPaths(answer)], JSON.stringify(bad)).toEqual([400, paths])
    }
    const { json } = await get(server, "/schedules")
    expect(json.schedules.filter((schedule: Json) => schedule.pipeline_id === "no_parameters")).toEqual([])
  })
}
