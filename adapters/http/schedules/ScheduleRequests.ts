/** Requests to the routes about schedules: their types and Schemas, and their decoding into the arguments of Operations. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { NewSchedule } from "../../../core/operations/Operations.ts"
import { fromJson } from "../../../core/pipeline/Parameters.ts"
import { CATCH_UPS, OVERLAPS, type Timing } from "../../../core/run/Schedule.ts"
import { MAX_NAME_LENGTH } from "../../../core/values/Name.ts"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import { toMillis } from "../server/Instant.ts"
import {
  choice,
  MAX_SECONDS,
  number,
  type Optional,
  oneOf,
  priority,
  record,
  seconds,
  textOf
} from "../server/SchemaParts.ts"

/** The body of `POST /schedules`: either `cron` or `every`. */
export interface NewScheduleJson {
  /** Default: a new id. */
  readonly id?: string
  readonly pipeline_id: string
  readonly cron?: string
  /** Default: UTC. */
  readonly time_zone?: string
  /** An interval in seconds, at least 1. */
  readonly every?: number
  /** The pipeline's parameters. Default: none. */
  readonly parameters?: Readonly<Record<string, unknown>>
  /** Default: `skip`. */
  readonly catch_up?: "skip" | "one" | "all"
  /** Default: `skip`. */
  readonly overlap?: "allow" | "skip" | "queue"
  /** Default: 0. */
  readonly priority?: number
  /** How late a run may start and still count as on time, in seconds. Default: 60. */
  readonly grace?: number
}

// Only for documentation: Operations checks the id, like all names.
const id: Optional<string> = Schema.optionalKey(
  Schema.String.annotate({ description: "Default: a new id." }).check(
    Schema.makeFilter(() => true, {
      expected: "a text",
      toJsonSchema: () => ({
        minLength: 1,
        maxLength: MAX_NAME_LENGTH,
        pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
      })
    })
  )
)

const EITHER = "Expected either 'cron' or 'every' (in seconds)"

const cron = {
  cron: Schema.String.annotate({
    description: "Cron expression: minute, hour, day, month, weekday.",
    expected: "a cron expression such as '30 3 * * MON-FRI'"
  }).annotateKey({ messageMissingKey: EITHER }),
  time_zone: Schema.optionalKey(textOf("an IANA time zone such as 'Europe/Lisbon'", "IANA name. Default: UTC."))
}
const every = { every: number("a number of seconds", 1, MAX_SECONDS, "An interval in seconds, at least 1.") }
const catchesUpSome = {
  catch_up: Schema.optionalKey(
    Schema.Literals(["skip", "one"]).annotate({ description: "Default: skip.", expected: oneOf(CATCH_UPS) })
  ),
  overlap: Schema.optionalKey(choice(OVERLAPS, "Default: skip."))
}
const catchesUpAll = {
  catch_up: Schema.Literal("all").annotate({ expected: "'all'" }),
  overlap: Schema.Literals(["allow", "queue"]).annotate({
    expected: "'queue' or 'allow' where 'catch_up' is 'all'"
  })
}
const others = {
  id,
  pipeline_id: textOf("a pipeline's id"),
  parameters: Schema.optionalKey(record),
  priority,
  grace: seconds("How late a run may start and still count as on time, in seconds. Default: 60.")
}

const kinds = {
  cron: Schema.Struct({ ...others, ...cron, ...catchesUpSome }).annotate({ identifier: "NewCronSchedule" }),
  cronCatchingUp: Schema.Struct({ ...others, ...cron, ...catchesUpAll }).annotate({
    identifier: "NewCronScheduleCatchingUp"
  }),
  every: Schema.Struct({ ...others, ...every, ...catchesUpSome }).annotate({ identifier: "NewIntervalSchedule" }),
  everyCatchingUp: Schema.Struct({ ...others, ...every, ...catchesUpAll }).annotate({
    identifier: "NewIntervalScheduleCatchingUp"
  })
}

/** The Schema of a `NewScheduleJson`: a cron expression or an interval. With `catch_up: "all"`, `overlap` must be `allow` or `queue`. */
export const newSchedule: Schema.Codec<NewScheduleJson> = Schema.Union([
  kinds.cron,
  kinds.cronCatchingUp,
  kinds.every,
  kinds.everyCatchingUp
]).annotate({ identifier: "NewSchedule" })

const misplaced = { cron: EITHER, time_zone: "Only a schedule with 'cron' has a time zone" }

const decoders: { readonly [Kind in keyof typeof kinds]: Decoding.Decode<NewScheduleJson> } = {
  cron: Decoding.exact(kinds.cron),
  cronCatchingUp: Decoding.exact(kinds.cronCatchingUp),
  every: Decoding.exact(kinds.every, misplaced),
  everyCatchingUp: Decoding.exact(kinds.everyCatchingUp, misplaced)
}

/** Decodes a body as the kind of schedule that its keys suggest, so that only the problems of that kind are reported. */
const decode = Decoding.body((json) => {
  const { every, catch_up } = Object(json) as { readonly every?: unknown; readonly catch_up?: unknown }
  const kind = every === undefined ? "cron" : "every"
  return decoders[catch_up === "all" ? (`${kind}CatchingUp` as const) : kind](json)
})

/** Decodes the schedule to create. */
export const toNewSchedule = (body: unknown): Result.Result<NewSchedule, BadRequest> =>
  Result.map(decode(body), ({ id, pipeline_id, parameters = {}, catch_up, overlap, priority, grace, ...timing }) => ({
    ...Decoding.withoutUndefined({
      id,
      catchUp: catch_up,
      overlap,
      priority,
      graceMillis: grace === undefined ? undefined : toMillis(grace)
    }),
    pipelineId: pipeline_id,
    timing: toTiming(timing),
    given: fromJson(parameters)
  }))

const toTiming = ({ cron, time_zone, every }: Pick<NewScheduleJson, "cron" | "time_zone" | "every">): Timing => {
  if (cron === undefined) return { everyMillis: toMillis(every!) }
  return time_zone === undefined ? { cron } : { cron, timeZone: time_zone }
}
