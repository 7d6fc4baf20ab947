/** Requests to `POST /pipelines/{pipeline_id}/execute`: their types and Schemas, and their decoding into the arguments of Operations. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { fromJson, type RunInput } from "../../../core/pipeline/Parameters.ts"
import * as Start from "../../../core/run/Start.ts"
import type { Problem } from "../../../core/values/Failure.ts"
import { POLICIES } from "../../../core/values/Policy.ts"
import * as Text from "../../../core/values/Text.ts"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import { toMillis } from "../server/Instant.ts"
import type { HttpRequest } from "../server/Message.ts"
import { choice, priority, record, seconds, textOf } from "../server/SchemaParts.ts"

/** The body. */
export interface ExecutionJson {
  /** The pipeline's parameters. Default: none. */
  readonly parameters?: Readonly<Record<string, unknown>>
  /** Whether to answer only when the run has finished. Default: false. */
  readonly wait?: boolean
  /** How long to wait, in seconds; then the run goes on. Default: 30. */
  readonly timeout?: number
  /** Values of outputs; the steps that would produce them do not run. Default: none. */
  readonly given?: Readonly<Record<string, unknown>>
  /** The steps to run, together with the steps that they depend on. Default: all. */
  readonly targets?: ReadonlyArray<string>
  /** How the run goes on after a step has failed. Default: the pipeline's policy. */
  readonly on_failure?: "fail-fast" | "continue" | "skip"
  /** A whole number from -100 to 100; runs with a higher priority start first. Default: 0. */
  readonly priority?: number
  /** How long to wait before the run starts, in seconds. Default: 0. */
  readonly delay?: number
  /** How long the run may take, in seconds. Default: the pipeline's timeout. */
  readonly run_timeout?: number
}

/** The query. The body overrides it. */
export interface ExecutionQuery {
  readonly wait?: boolean
  readonly timeout?: number
}

/** How long `wait` waits by default, and at most, in seconds. */
const DEFAULT_TIMEOUT = 30
const MAX_TIMEOUT = 86_400

const waiting = {
  wait: Schema.optionalKey(
    Schema.Boolean.annotate({
      description: "Whether to answer only when the run has finished. Default: false.",
      expected: "true or false"
    })
  ),
  timeout: seconds("How long to wait, in seconds; then the run goes on. Default: 30.", 0, MAX_TIMEOUT)
}

/** How a run goes on after a step has failed. */
export const policy: Schema.Codec<"fail-fast" | "continue" | "skip"> = choice(POLICIES)

/** The Schema of the body. */
export const execution: Decoding.ObjectSchema<ExecutionJson> = Schema.Struct({
  parameters: Schema.optionalKey(record),
  ...waiting,
  given: Schema.optionalKey(record),
  targets: Schema.optionalKey(
    Schema.Array(Schema.String).check(Schema.isMinLength(1)).annotate({
      description: "Names of steps, at least one. Default: all.",
      expected: "an array of step names, at least one"
    })
  ),
  on_failure: Schema.optionalKey(policy),
  priority,
  delay: seconds("How long to wait before the run starts, in seconds. Default: 0."),
  run_timeout: seconds("How long the run may take, in seconds. Default: the pipeline's timeout.", 0.001)
}).annotate({ identifier: "Execution" })

/** The Schema of the query. */
export const executionQuery: Decoding.ObjectSchema<ExecutionQuery> = Schema.Struct(waiting)

/** The Schemas of the headers. */
export const executionHeaders: Readonly<Record<"Idempotency-Key" | "Prefer", Schema.Codec<string>>> = {
  "Idempotency-Key": Schema.String.annotate({
    description:
      "A repeated request with the same key and body within 24 hours is answered with the run that the first one started."
  }).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(Start.MAX_IDEMPOTENCY_KEY),
    Schema.makeFilter((key) => Text.isKey(key, Start.MAX_IDEMPOTENCY_KEY))
  ),
  Prefer: textOf(
    "a preference",
    "`wait=30` is the same as `wait=true` and `timeout=30`. The query and the body override it."
  )
}

/** A decoded request to start a run. */
export interface Execution {
  readonly given: RunInput
  readonly options: Start.Options & Start.PartOptions
  readonly wait: boolean
  readonly timeoutMillis: number
}

const decode = Decoding.exact(execution)
const isKey = Schema.is(executionHeaders["Idempotency-Key"])

/** Decodes a request. The body overrides the query, and the query overrides a `Prefer` header. An overridden value in the query must be valid too. */
export const toExecution = (
  body: unknown,
  request: Pick<HttpRequest, "query" | "header">
): Result.Result<Execution, BadRequest> => {
  const key = request.header("idempotency-key")
  const decoded = Decoding.withProblems(key === undefined || isKey(key) ? [] : BAD_KEY, merged(body, request))
  if (Result.isFailure(decoded)) return Result.fail(Decoding.invalid("body", decoded.failure))
  const { parameters = {}, wait = false, timeout = DEFAULT_TIMEOUT, given, ...rest } = decoded.success
  const { targets, on_failure, priority, delay, run_timeout } = rest
  return Result.succeed({
    given: fromJson(parameters, given),
    options: {
      ...(targets !== undefined && { targets }),
      ...(on_failure !== undefined && { onFailure: on_failure }),
      ...(priority !== undefined && { priority }),
      ...(delay !== undefined && { delayMillis: toMillis(delay) }),
      ...(run_timeout !== undefined && { timeoutMillis: toMillis(run_timeout) }),
      ...(key !== undefined && { idempotencyKey: key })
    },
    wait,
    timeoutMillis: toMillis(timeout)
  })
}

const BAD_KEY: ReadonlyArray<Problem> = [
  { path: ["Idempotency-Key"], message: `Expected ${Text.keyRule(Start.MAX_IDEMPOTENCY_KEY)}` }
]

const merged = (body: unknown, request: Pick<HttpRequest, "query" | "header">): Decoding.Decoded<ExecutionJson> => {
  const { query } = request
  const prefer = request.header("prefer")
  if ((query === "" && prefer === undefined) || !Decoding.isObject(body)) return decode(body)
  return Decoding.decodeMerged(decode, { ...preferred(prefer), ...Decoding.fromQuery(executionQuery, query) }, body)
}

/** Reads `Prefer: wait=30`. Other preferences and malformed ones are ignored. Source: RFC 7240. */
const preferred = (header: string | undefined): ExecutionQuery | undefined => {
  const seconds = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:$|[,;])/i.exec(header ?? "")?.[1]
  return seconds === undefined ? undefined : { wait: true, timeout: Math.min(Number(seconds), MAX_TIMEOUT) }
}
