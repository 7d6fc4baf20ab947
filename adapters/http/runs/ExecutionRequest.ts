/** What `POST /pipelines/{pipeline_id}/execute` takes: its types, their Schemas, and the step to what Operations takes. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { fromJson, type RunInput } from "../../../core/pipeline/Parameters.ts"
import * as Start from "../../../core/run/Start.ts"
import type { Problem } from "../../../core/values/Failure.ts"
import { POLICIES } from "../../../core/values/Policy.ts"
import * as Text from "../../../core/values/Text.ts"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import type { HttpRequest } from "../server/Message.ts"
import { choice, priority, record, seconds, textOf } from "../server/SchemaParts.ts"

/** What the body holds. */
export interface ExecutionJson {
  /** The pipeline's parameters. Default: none. */
  readonly parameters?: Readonly<Record<string, unknown>>
  /** Whether to answer when the run is over. Default: false. */
  readonly wait?: boolean
  /** How long to wait, in seconds. Default: 30. */
  readonly timeout?: number
  /** Values of outputs, that take the place of the steps that would produce them. Default: none. */
  readonly given?: Readonly<Record<string, unknown>>
  /** The steps that the run is about; they and what they need are run. Default: all. */
  readonly targets?: ReadonlyArray<string>
  /** What becomes of the run when one of its steps has failed. Default: the pipeline's. */
  readonly on_failure?: "fail-fast" | "continue" | "skip"
  /** A whole number from -100 to 100; the highest go first. Default: 0. */
  readonly priority?: number
  /** How long until it may begin, in seconds. Default: 0. */
  readonly delay?: number
  /** How long it may take, in seconds. Default: the pipeline's. */
  readonly run_timeout?: number
}

/** The same wishes in the query; the body wins. */
export interface ExecutionQuery {
  readonly wait?: boolean
  readonly timeout?: number
}

/** How long `wait` waits unless told otherwise, and at most, in seconds. */
const DEFAULT_TIMEOUT = 30
const MAX_TIMEOUT = 86_400

const waiting = {
  wait: Schema.optionalKey(
    Schema.Boolean.annotate({
      description: "Whether to answer when the run is over. Default: false.",
      expected: "true or false"
    })
  ),
  timeout: seconds("How long to wait, in seconds; the run goes on. Default: 30.", 0, MAX_TIMEOUT)
}

/** What becomes of a run when one of its steps has failed. */
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
  delay: seconds("How long until the run may begin, in seconds. Default: 0."),
  run_timeout: seconds("How long the run may take, in seconds. Default: the pipeline's.", 0.001)
}).annotate({ identifier: "Execution" })

/** The Schema of the query. */
export const executionQuery: Decoding.ObjectSchema<ExecutionQuery> = Schema.Struct(waiting)

/** The Schemas of the headers. */
export const executionHeaders: Readonly<Record<"Idempotency-Key" | "Prefer", Schema.Codec<string>>> = {
  "Idempotency-Key": Schema.String.annotate({
    description: "The same key once more, within 24 hours, answers the run that it started."
  }).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(Start.MAX_IDEMPOTENCY_KEY),
    Schema.makeFilter((key) => Text.isKey(key, Start.MAX_IDEMPOTENCY_KEY))
  ),
  Prefer: textOf("a preference", "`wait=30` is the same wish as `wait` and `timeout`; the query and the body win.")
}

/** A request to start a run. */
export interface Execution {
  readonly given: RunInput
  readonly options: Start.Options & Start.PartOptions
  readonly wait: boolean
  readonly timeoutMillis: number
}

const decode = Decoding.exact(execution)
const isKey = Schema.is(executionHeaders["Idempotency-Key"])

/** Decodes a request. A body wins over a query, and a query over a `Prefer` header. A value in the query that the body overrides has to be right too. */
export const toExecution = (
  body: unknown,
  request: Pick<HttpRequest, "query" | "header">
): Result.Result<Execution, BadRequest> => {
  const key = request.header("idempotency-key")
  const decoded = Decoding.also(key === undefined || isKey(key) ? [] : BAD_KEY, merged(body, request))
  if (Result.isFailure(decoded)) return Result.fail(Decoding.invalid("body", decoded.failure))
  const { parameters = {}, wait = false, timeout = DEFAULT_TIMEOUT, given, ...rest } = decoded.success
  const { targets, on_failure, priority, delay, run_timeout } = rest
  return Result.succeed({
    given: fromJson(parameters, given),
    options: {
      ...(targets !== undefined && { targets }),
      ...(on_failure !== undefined && { onFailure: on_failure }),
      ...(priority !== undefined && { priority }),
      ...(delay !== undefined && { delayMillis: delay * 1_000 }),
      ...(run_timeout !== undefined && { timeoutMillis: run_timeout * 1_000 }),
      ...(key !== undefined && { idempotencyKey: key })
    },
    wait,
    timeoutMillis: timeout * 1_000
  })
}

const BAD_KEY: ReadonlyArray<Problem> = [
  { path: ["Idempotency-Key"], message: `Expected ${Text.keyRule(Start.MAX_IDEMPOTENCY_KEY)}` }
]

const merged = (body: unknown, request: Pick<HttpRequest, "query" | "header">): Decoding.Decoded<ExecutionJson> => {
  const { query } = request
  const prefer = request.header("prefer")
  if ((query === "" && prefer === undefined) || !Decoding.isObject(body)) return decode(body)
  return Decoding.layered(decode, { ...preferred(prefer), ...Decoding.fromQuery(executionQuery, query) }, body)
}

/** The wish of `Prefer: wait=30`, among other preferences. Others, and what can't be read, are passed over. Source: RFC 7240. */
const preferred = (header: string | undefined): ExecutionQuery | undefined => {
  const seconds = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:$|[,;])/i.exec(header ?? "")?.[1]
  return seconds === undefined ? undefined : { wait: true, timeout: Math.min(Number(seconds), MAX_TIMEOUT) }
}
