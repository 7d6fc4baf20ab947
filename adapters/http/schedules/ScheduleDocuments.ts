/** Schemas of what the routes about schedules take and answer. */
import * as Schema from "effect/Schema"
import { CATCH_UPS, OVERLAPS } from "../../../core/run/Schedule.ts"
import type { NewScheduleJson } from "../docs/Contract.ts"
import { MAX_SECONDS, millis, name, priority, record, seconds, text } from "../server/SchemaParts.ts"
import type * as ScheduleWire from "./ScheduleWire.ts"

const catchUp: Schema.Codec<"skip" | "one" | "all"> = Schema.Literals(CATCH_UPS)
const overlap: Schema.Codec<"allow" | "skip" | "queue"> = Schema.Literals(OVERLAPS)

const cron = {
  cron: Schema.String.annotate({ description: "Minute, hour, day, month, weekday." }),
  time_zone: Schema.optionalKey(Schema.String.annotate({ description: "IANA name. Default: UTC." }))
}
const every = {
  every: Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: MAX_SECONDS })).annotate({
    description: "An interval in seconds, at least 1."
  })
}
const catchesUpSome = {
  catch_up: Schema.optionalKey(Schema.Literals(["skip", "one"]).annotate({ description: "Default: skip." })),
  overlap: Schema.optionalKey(overlap.annotate({ description: "Default: skip." }))
}
const catchesUpAll = {
  catch_up: Schema.Literal("all"),
  overlap: Schema.Literals(["allow", "queue"])
}
const others = {
  id: name("Default: one that nothing has."),
  pipeline_id: Schema.String,
  parameters: Schema.optionalKey(record),
  priority,
  grace: seconds("How late a run may start and still count as on time, in seconds. Default: 60.")
}

/** By a cron expression or by an interval; where every missed tick is caught up, runs have to overlap or to queue. */
export const newSchedule: Schema.Codec<NewScheduleJson> = Schema.Union([
  Schema.Struct({ ...others, ...cron, ...catchesUpSome }).annotate({ identifier: "NewCronSchedule" }),
  Schema.Struct({ ...others, ...cron, ...catchesUpAll }).annotate({ identifier: "NewCronScheduleCatchingUp" }),
  Schema.Struct({ ...others, ...every, ...catchesUpSome }).annotate({ identifier: "NewIntervalSchedule" }),
  Schema.Struct({ ...others, ...every, ...catchesUpAll }).annotate({ identifier: "NewIntervalScheduleCatchingUp" })
]).annotate({ identifier: "NewSchedule" })

export const schedule: Schema.Codec<ScheduleWire.ScheduleJson> = Schema.Struct({
  id: Schema.String,
  pipeline_id: Schema.String,
  cron: text,
  time_zone: text,
  every: millis,
  parameters: record,
  catch_up: catchUp,
  overlap,
  priority: Schema.Int,
  grace: Schema.Finite,
  paused: Schema.Boolean,
  created_at: Schema.String,
  next_at: text,
  last_at: text,
  last_task_id: text,
  fired: Schema.Int,
  skipped: Schema.Int
}).annotate({ identifier: "Schedule" })

export const schedules: Schema.Codec<ScheduleWire.Schedules> = Schema.Struct({
  schedules: Schema.Array(schedule),
  next_cursor: text
}).annotate({ identifier: "Schedules" })
