/** Schemas of the answers of the routes about schedules. */
import * as Schema from "effect/Schema"
import { CATCH_UPS, OVERLAPS } from "../../../core/run/Schedule.ts"
import { millis, record, text } from "../server/SchemaParts.ts"
import type * as ScheduleWire from "./ScheduleWire.ts"

const catchUp: Schema.Codec<"skip" | "one" | "all"> = Schema.Literals(CATCH_UPS)
const overlap: Schema.Codec<"allow" | "skip" | "queue"> = Schema.Literals(OVERLAPS)

const fields = {
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
}

export const schedule: Schema.Codec<ScheduleWire.ScheduleJson> = Schema.Struct(fields).annotate({
  identifier: "Schedule"
})

export const scheduleDetail: Schema.Codec<ScheduleWire.ScheduleDetail> = Schema.Struct({
  ...fields,
  next_ticks: Schema.Array(Schema.String)
}).annotate({ identifier: "ScheduleDetail" })

export const schedules: Schema.Codec<ScheduleWire.Schedules> = Schema.Struct({
  schedules: Schema.Array(schedule),
  next_cursor: text
}).annotate({ identifier: "Schedules" })
