/** The routes about schedules. */
import * as Effect from "effect/Effect"
import { json, NO_CONTENT } from "../server/Message.ts"
import { part, partOf } from "../server/Paging.ts"
import { about, act, get, post, type Route, read, remove } from "../server/Route.ts"
import { toNewSchedule } from "./ScheduleRequests.ts"
import * as ScheduleWire from "./ScheduleWire.ts"

/** A route that pauses a schedule, or resumes it. */
const pausing = (verb: "pause" | "resume", summary: string): Route =>
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
    get("/schedules", "read", "The schedules that the caller may read, by id.", (call) =>
      Effect.flatMap(read(call, part(call.request.query)), (wanted) =>
        Effect.map(call.operations.schedules(call.caller), (all) => {
          const { items, nextCursor } = partOf(all, wanted)
          const schedules = items.map(ScheduleWire.schedule)
          return json(200, { schedules, next_cursor: nextCursor } satisfies ScheduleWire.Schedules)
        })
      )
    )
  ),
  post("/schedules", "admin", "Makes a schedule; the same once more is the one that is there.", (call) =>
    Effect.flatMap(read(call, toNewSchedule(call.body)), (schedule) =>
      Effect.map(call.operations.addSchedule(call.caller, schedule), (made) => json(201, ScheduleWire.schedule(made)))
    )
  ),
  get("/schedules/{schedule_id}", "read", "A schedule.", ({ operations, caller, params }) =>
    Effect.map(operations.schedule(caller, params["schedule_id"]!), (schedule) =>
      json(200, ScheduleWire.schedule(schedule))
    )
  ),
  remove("/schedules/{schedule_id}", "admin", "Removes a schedule; its runs stay.", (call) =>
    Effect.as(call.operations.removeSchedule(call.caller, call.params["schedule_id"]!), NO_CONTENT)
  ),
  pausing("pause", "Lets a schedule's instants pass."),
  pausing("resume", "Lets a schedule go on with its next instant.")
]
