/** What is asked for in bodies, queries and headers: every problem is reported at once, each with its path. */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { NewSchedule } from "../../core/operations/Operations.ts"
import { MAX_REASON } from "../../core/operations/RunOperations.ts"
import { fromJson, type RunInput } from "../../core/pipeline/Parameters.ts"
import type { PipelineDefinition } from "../../core/registry/Registry.ts"
import * as Run from "../../core/run/Run.ts"
import { CATCH_UPS, MAX_PRIORITY, OVERLAPS, type Timing } from "../../core/run/Schedule.ts"
import * as Start from "../../core/run/Start.ts"
import { KEPT_MILLIS } from "../../core/statistics/Statistics.ts"
import type { ListRequest } from "../../core/store/Store.ts"
import type { Problem } from "../../core/values/Failure.ts"
import { MAX_MILLIS } from "../../core/values/OptionCheck.ts"
import * as Policy from "../../core/values/Policy.ts"
import * as Text from "../../core/values/Text.ts"
import type { BadRequest } from "./server/Failures.ts"
import type { HttpRequest } from "./server/Message.ts"
import {
  bodyReader,
  flag,
  isFlag,
  isNames,
  isRecord,
  isText,
  isTexts,
  number,
  queryReader,
  Reader,
  withoutUndefined
} from "./server/Reader.ts"

/** How long `wait` waits unless told otherwise, and at most, in seconds. */
const DEFAULT_TIMEOUT = 30
const MAX_TIMEOUT = 86_400

/** The longest delay and the longest time of a run, in seconds: about ten years. */
const MAX_SECONDS = MAX_MILLIS / 1_000

/** How many runs a list has, unless told otherwise and at most. */
const DEFAULT_LIMIT = 50
const MAX_LIMIT = 200

// -- runs ------------------------------------------------------------------------------------------------------------

/** What `POST /pipelines/{id}/execute` asks for. */
export interface Execution {
  readonly given: RunInput
  readonly options: Start.Options & Start.PartOptions
  readonly wait: boolean
  readonly timeoutMillis: number
}

const EXECUTION = [
  "parameters",
  "wait",
  "timeout",
  "given",
  "targets",
  "on_failure",
  "priority",
  "delay",
  "run_timeout"
]

/** Reads an execution. A body wins over a query, and a query over a `Prefer` header; all three have to be fine. */
export const execution = (
  body: unknown,
  request: Pick<HttpRequest, "query" | "header">
): Result.Result<Execution, BadRequest> => {
  const query = wished(request.query)
  const merged = Predicate.isObject(body) ? { ...preferred(request.header("prefer")), ...query, ...body } : body
  return Result.flatMap(bodyReader(merged, EXECUTION), (reader) => {
    if (query !== undefined && merged !== body) reader.problems.push(...overruled(query, body as object))
    const { wait, timeout } = waiting(reader)
    const parameters = reader.take("parameters", isRecord, "an object")
    const outputs = reader.take("given", isRecord, "an object")
    const targets = reader.take("targets", isNames, "an array of step names, at least one")
    const onFailure = reader.among("on_failure", Policy.POLICIES)
    const priority = reader.number("priority", -MAX_PRIORITY, MAX_PRIORITY, "a whole number", true)
    const delay = reader.number("delay", 0, MAX_SECONDS, "seconds")
    const runTimeout = reader.number("run_timeout", 0.001, MAX_SECONDS, "seconds")
    const key = request.header("idempotency-key")
    if (key !== undefined && !Text.isKey(key, Start.MAX_IDEMPOTENCY_KEY)) {
      reader.missing("Idempotency-Key", `Expected ${Text.keyRule(Start.MAX_IDEMPOTENCY_KEY)}`)
    }
    return reader.result(() => ({
      given: fromJson(parameters ?? {}, outputs),
      options: withoutUndefined({
        targets,
        onFailure,
        priority,
        delayMillis: delay && delay * 1_000,
        timeoutMillis: runTimeout && runTimeout * 1_000,
        idempotencyKey: key
      }),
      wait,
      timeoutMillis: timeout * 1_000
    }))
  })
}

/** The problems of query parameters that the body overrides. */
const overruled = (query: object, body: object): ReadonlyArray<Problem> => {
  const reader = new Reader(
    Object.fromEntries(Object.entries(query).filter(([key]) => Object.hasOwn(body, key))),
    "query"
  )
  waiting(reader)
  return reader.problems
}

/** Whether and how long to wait, in seconds. */
const waiting = (reader: Reader): { readonly wait: boolean; readonly timeout: number } => ({
  wait: reader.take("wait", isFlag, "true or false") ?? false,
  timeout: reader.number("timeout", 0, MAX_TIMEOUT, "seconds") ?? DEFAULT_TIMEOUT
})

/** Whether and how long to wait, by the query. */
const wished = (query: string): object | undefined => {
  if (query === "") return undefined
  const asked = new URLSearchParams(query)
  return withoutUndefined({ wait: flag(asked.get("wait")), timeout: number(asked.get("timeout")) })
}

/** The wish of `Prefer: wait=30`, among other preferences. Others, and what can't be read, are passed over. Source: RFC 7240. */
const preferred = (header: string | undefined): object | undefined => {
  const seconds = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:$|[,;])/i.exec(header ?? "")?.[1]
  return seconds === undefined ? undefined : { wait: true, timeout: Math.min(Number(seconds), MAX_TIMEOUT) }
}

/** Reads over which time numbers are wanted, in milliseconds. */
export const window = (query: string): Result.Result<number | undefined, BadRequest> => {
  const reader = queryReader(query)
  const seconds = reader.number("window", 1, KEPT_MILLIS / 1_000, "a number of seconds")
  return reader.result(() => seconds && seconds * 1_000)
}

/** Which part of a list is wanted. */
export interface Part {
  readonly limit: number
  readonly offset: number
}

/** The longest part of a list of pipelines or schedules. */
const MAX_PART = 1_000

/** Reads which part of a list is wanted, whose cursor is a place. */
export const part = (query: string, otherwise: number = MAX_PART): Result.Result<Part, BadRequest> => {
  const reader = queryReader(query)
  const limit = reader.number("limit", 1, MAX_PART, "a whole number", true) ?? otherwise
  const cursor = reader.take("cursor", isPlace, "the cursor of an earlier list")
  return reader.result(() => ({ limit, offset: Number(cursor ?? 0) }))
}

const isPlace = (value: unknown): value is string => isText(value) && /^\d{1,9}$/.test(value)

/** A part of a list, and where the next one begins; null when nothing is left. */
export const partOf = <A>(
  all: ReadonlyArray<A>,
  { limit, offset }: Part
): { readonly items: ReadonlyArray<A>; readonly nextCursor: string | null } => ({
  items: offset === 0 && all.length <= limit ? all : all.slice(offset, offset + limit),
  nextCursor: offset + limit < all.length ? String(offset + limit) : null
})

/** Reads which runs `GET /runs` is to list. */
export const runList = (query: string): Result.Result<ListRequest, BadRequest> => {
  const reader = queryReader(query)
  const pipelineId = reader.take("pipeline_id", isText, "a pipeline's id")
  const status = reader.among("status", Run.STATUSES)
  const [sinceMillis, untilMillis] = ["since", "until"].map((key) => reader.instant(key))
  const limit = reader.number("limit", 1, MAX_LIMIT, "a whole number", true) ?? DEFAULT_LIMIT
  const cursor = reader.cursor()
  return reader.result(() => ({
    ...withoutUndefined({
      pipelineId,
      status,
      sinceMillis,
      untilMillis,
      cursor
    }),
    limit
  }))
}

/** Reads what `POST /runs/{id}/cancel` is to end, and why. */
export const cancellation = (
  body: unknown
): Result.Result<{ readonly reason?: string; readonly step?: string }, BadRequest> =>
  Result.flatMap(bodyReader(body, ["reason", "step"]), (reader) => {
    const isReason = (value: unknown): value is string => isText(value) && value.length <= MAX_REASON
    const reason = reader.take("reason", isReason, `a text of at most ${MAX_REASON} characters`)
    const step = reader.take("step", isText, "a step's name")
    return reader.result(() => withoutUndefined({ reason, step }))
  })

/** Reads from which steps `POST /runs/{id}/retry` is to run again. */
export const repetition = (body: unknown): Result.Result<ReadonlyArray<string>, BadRequest> =>
  Result.flatMap(bodyReader(body, ["from"]), (reader) => {
    const from = reader.take("from", isTexts, "an array of step names") ?? []
    return reader.result(() => from)
  })

// -- pipelines and schedules -----------------------------------------------------------------------------------------

/** Reads the definition of a pipeline to register. */
export const definition = (id: string, body: unknown): Result.Result<PipelineDefinition, BadRequest> =>
  Result.flatMap(bodyReader(body, ["pipeline_type", "tasks"]), (reader) => {
    const kind = reader.among("pipeline_type", ["dataflow", "sequential"])
    const tasks = reader.take("tasks", isTexts, "an array of task names")
    for (const [key, value] of Object.entries({ pipeline_type: kind, tasks })) {
      const isNew = reader.problems.every(({ path }) => path[0] !== key)
      if (value === undefined && isNew)
        reader.missing(key, key === "tasks" ? "Expected an array of task names" : "Expected 'dataflow' or 'sequential'")
    }
    return reader.result(() => ({ id, kind: kind!, tasks: tasks! }))
  })

const SCHEDULE = [
  "id",
  "pipeline_id",
  "cron",
  "time_zone",
  "every",
  "parameters",
  "catch_up",
  "overlap",
  "priority",
  "grace"
]

/** Reads a schedule to be made. */
export const newSchedule = (body: unknown): Result.Result<NewSchedule, BadRequest> =>
  Result.flatMap(bodyReader(body, SCHEDULE), (reader) => {
    const id = reader.take("id", isText, "a text")
    const pipelineId = reader.take("pipeline_id", isText, "a pipeline's id")
    const cron = reader.take("cron", isText, "a cron expression such as '30 3 * * MON-FRI'")
    const timeZone = reader.take("time_zone", isText, "an IANA time zone such as 'Europe/Lisbon'")
    const every = reader.number("every", 1, MAX_SECONDS, "seconds")
    const parameters = reader.take("parameters", isRecord, "an object")
    const catchUp = reader.among("catch_up", CATCH_UPS)
    const overlap = reader.among("overlap", OVERLAPS)
    const priority = reader.number("priority", -MAX_PRIORITY, MAX_PRIORITY, "a whole number", true)
    const grace = reader.number("grace", 0, MAX_SECONDS, "seconds")
    const isKnown = (key: string): boolean => reader.problems.some(({ path }) => path[0] === key)
    if (pipelineId === undefined && !isKnown("pipeline_id")) reader.missing("pipeline_id", "Missing")
    if ((cron === undefined) === (every === undefined) && !isKnown("cron") && !isKnown("every")) {
      reader.missing("cron", "Expected either 'cron' or 'every', in seconds")
    }
    if (catchUp === "all" && (overlap ?? "skip") === "skip" && !isKnown("overlap")) {
      reader.missing("overlap", "Expected 'queue' or 'allow' where 'catch_up' is 'all'")
    }
    if (timeZone !== undefined && cron === undefined) reader.missing("time_zone", "Only a 'cron' has a time zone")
    return reader.result(() => ({
      ...withoutUndefined({ id, catchUp, overlap, priority, graceMillis: grace && grace * 1_000 }),
      pipelineId: pipelineId!,
      timing: timingOf(cron, timeZone, every),
      given: fromJson(parameters ?? {})
    }))
  })

const timingOf = (cron: string | undefined, timeZone: string | undefined, every: number | undefined): Timing => {
  if (cron === undefined) return { everyMillis: Math.round(every! * 1_000) }
  return timeZone === undefined ? { cron } : { cron, timeZone }
}
