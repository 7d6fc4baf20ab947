/** The routes about schedules. */
import * as Effect from "effect/Effect"
import { json, NO_CONTENT } from "../server/Message.ts"
import { pageOf, toPage } from "../server/Paging.ts"
import { about, act, get, post, type Route, read, remove } from "../server/Route.ts"
import { toNewSchedule } from "./ScheduleRequests.ts"
import * as ScheduleWire from "./ScheduleWire.ts"

/** A route that pauses or resumes a schedule. */
const pauseRoute = (verb: "pause" | "resume", summary: string): Route =>
  act(`/schedules/{schedule_id}/${verb}`, "admin", summary, ({ operations, caller, params }) =>
    Effect.map(
      operations[verb === "pause" ? "pauseSchedule" : "resumeSchedule"](caller, params["schedule_id"]!),
      (schedule) => json(200, ScheduleWire.schedule(schedule))
    )
  )

/** The routes. */
export const scheduleRoutes: ReadonlyArray<Route> = [
  about(
    "list",
    get("/schedules", "read", "The schedules that the caller may read, ordered by id.", (call) =>
      Effect.flatMap(read(call, toPage(call.request.query)), (page) =>
        Effect.map(call.operations.schedules(call.caller), (all) => {
          const { items, nextCursor } = pageOf(all, page)
          const schedules = items.map(ScheduleWire.schedule)
          return json(200, { schedules, next_cursor: nextCursor } satisfies ScheduleWire.Schedules)
        })
      )
    )
  ),
  post("/schedules", "admin", "Creates a schedule. Repeating the request returns the existing schedule.", (call) =>
    Effect.flatMap(read(call, toNewSchedule(call.body)), (schedule) =>
      Effect.map(call.operations.addSchedule(call.caller, schedule), (made) => json(201, ScheduleWire.schedule(made)))
    )
  ),
  get("/schedules/{schedule_id}", "read", "A schedule, with its next ticks.", ({ operations, caller, params }) =>
    Effect.map(operations.schedule(caller, params["schedule_id"]!), (schedule) =>
      json(200, ScheduleWire.scheduleDetail(schedule))
    )
  ),
  remove("/schedules/{schedule_id}", "admin", "Deletes a schedule; its runs are kept.", (call) =>
    Effect.as(call.operations.removeSchedule(call.caller, call.params["schedule_id"]!), NO_CONTENT)
  ),
  pauseRoute("pause", "Pauses a schedule: it starts no runs until it is resumed."),
  pauseRoute("resume", "Resumes a schedule from its next tick.")
]
