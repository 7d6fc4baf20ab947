/** How clients see a failure: a status and a JSON body, without stack, secret or host path. */
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"
import type * as Errors from "../../../core/values/Errors.ts"
import type { Quota } from "../../../core/values/Principal.ts"
import { withoutHostPaths } from "../../../core/values/Text.ts"
import { type HttpReply, json } from "./Message.ts"

/** A request that the HTTP layer refuses, for example for its path, its method or its body. */
export class BadRequest extends Data.Error<{ readonly message: string }> {
  readonly _tag: "BadRequest" = "BadRequest" as const
  readonly status: 400 | 403 | 404 | 405 | 408 | 413 | 415 | 426 | 501 | 503
  readonly error: string
  readonly problems: ReadonlyArray<Errors.Problem>
  readonly headers: Readonly<Record<string, string>>
  constructor(
    status: 400 | 403 | 404 | 405 | 408 | 413 | 415 | 426 | 501 | 503,
    error: string,
    message: string,
    more: {
      readonly problems?: ReadonlyArray<Errors.Problem>
      readonly headers?: Readonly<Record<string, string>>
    } = {}
  ) {
    super({ message })
    this.status = status
    this.error = error
    this.problems = more.problems ?? []
    this.headers = more.headers ?? {}
  }
}

/** No route has the path. */
export const pathNotFound = (path: string): BadRequest =>
  new BadRequest(404, "PathNotFoundError", `Path '${path.slice(0, 200)}' does not exist`)

/** The body of every failure. */
export interface ErrorJson {
  /** The name of the failure, such as `PipelineNotFoundError`. */
  readonly error: string
  readonly message: string
  readonly pipeline_id?: string
  readonly step?: string
  readonly task_id?: string
  /** Every problem with the request. */
  readonly details?: ReadonlyArray<{ readonly path: string; readonly message: string }>
  readonly timestamp: string
}

/** The statuses of failures. */
export type FailureStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 429 | 500 | 501 | 503 | 504

/** The Schema of an `ErrorJson`. */
export const error: Schema.Codec<ErrorJson> = Schema.Struct({
  error: Schema.String,
  message: Schema.String,
  pipeline_id: Schema.optionalKey(Schema.String),
  step: Schema.optionalKey(Schema.String),
  task_id: Schema.optionalKey(Schema.String),
  details: Schema.optionalKey(Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))),
  timestamp: Schema.String
}).annotate({ identifier: "Error" })

/** Every failure that a route may end with. */
export type Failure =
  | BadRequest
  | Errors.PipelineError
  | Errors.PipelineNotFound
  | Errors.PipelineExists
  | Errors.PipelineProtected
  | Errors.UnknownStep
  | Errors.RunNotFound
  | Errors.StepNotFound
  | Errors.ValueNotFound
  | Errors.RunMismatch
  | Errors.RunUnfinished
  | Errors.RunNotRepeatable
  | Errors.IdempotencyConflict
  | Errors.ParametersInvalid
  | Errors.ScheduleError
  | Errors.ScheduleNotFound
  | Errors.ScheduleExists
  | Errors.RunFailed
  | Errors.RunCancelled
  | Errors.WaitTimedOut
  | Errors.StoreUnavailable
  | Errors.Unauthenticated
  | Errors.UnknownApiKey
  | Errors.AccessDenied
  | Errors.HttpsRequired
  | Errors.RateLimited
  | Errors.AuthenticatorUnavailable
  | Errors.AccessNotSecured
  | Errors.LayoutTooLarge

/** Status and name of each failure. Every reason why a graph cannot be built or drawn is 422. */
const ANSWERS: { readonly [Tag in Exclude<Failure["_tag"], "BadRequest">]: readonly [status: number, error: string] } =
  {
    ParametersInvalid: [400, "ParametersInvalidError"],
    InvalidOption: [400, "InvalidOptionError"],
    UnknownStep: [400, "UnknownStepError"],
    InvalidCron: [400, "InvalidCronError"],
    UnknownTimeZone: [400, "UnknownTimeZoneError"],
    ScheduleNeverFires: [400, "ScheduleNeverFiresError"],
    Unauthenticated: [401, "UnauthenticatedError"],
    UnknownApiKey: [403, "UnknownApiKeyError"],
    AccessDenied: [403, "AccessDeniedError"],
    HttpsRequired: [403, "HttpsRequiredError"],
    PipelineNotFound: [404, "PipelineNotFoundError"],
    RunNotFound: [404, "RunNotFoundError"],
    StepNotFound: [404, "StepNotFoundError"],
    ValueNotFound: [404, "ValueNotFoundError"],
    ScheduleNotFound: [404, "ScheduleNotFoundError"],
    PipelineExists: [409, "PipelineExistsError"],
    PipelineProtected: [409, "PipelineProtectedError"],
    RunMismatch: [409, "RunMismatchError"],
    RunUnfinished: [409, "RunUnfinishedError"],
    RunNotRepeatable: [409, "RunNotRepeatableError"],
    IdempotencyConflict: [409, "IdempotencyConflictError"],
    ScheduleExists: [409, "ScheduleExistsError"],
    AccessNotSecured: [409, "AccessNotSecuredError"],
    InvalidName: [422, "InvalidNameError"],
    EmptyPipeline: [422, "EmptyPipelineError"],
    DuplicateStep: [422, "DuplicateStepError"],
    DuplicateOutput: [422, "DuplicateOutputError"],
    SelfDependency: [422, "SelfDependencyError"],
    CycleDetected: [422, "CycleDetectedError"],
    TypeMismatch: [422, "TypeMismatchError"],
    MissingProducer: [422, "MissingProducerError"],
    UnknownTask: [422, "UnknownTaskError"],
    LayoutTooLarge: [422, "LayoutTooLargeError"],
    RateLimited: [429, "RateLimitedError"],
    RunFailed: [500, "PipelineExecutionError"],
    RunCancelled: [500, "PipelineCancelledError"],
    StoreUnavailable: [503, "StoreUnavailableError"],
    AuthenticatorUnavailable: [503, "AuthenticatorUnavailableError"],
    WaitTimedOut: [504, "PipelineTimeoutError"]
  }

/** How long a client should wait after a 503 before it retries, in seconds. */
const RETRY_SECONDS = "1"

/** The name and the message of a failure; of a defect, without a failure, no details. */
export const shown = (failure: Failure | undefined): Pick<ErrorJson, "error" | "message"> => {
  if (failure === undefined) return INTERNAL
  return failure._tag === "BadRequest"
    ? { error: failure.error, message: failure.message }
    : { error: ANSWERS[failure._tag][1], message: withoutHostPaths(failure.message) }
}

const INTERNAL = { error: "InternalError", message: "Internal server error" }

/** The reply to a failure. */
export const toReply = (failure: Failure, nowMillis: number): HttpReply => {
  const { error, message } = shown(failure)
  if (failure._tag === "BadRequest") {
    return json(
      failure.status,
      body(error, message, nowMillis, { details: details(failure.problems) }),
      failure.headers
    )
  }
  const [status] = ANSWERS[failure._tag]
  const about = {
    // These names may come from the client and have any length.
    pipeline_id: "pipelineId" in failure ? clipped(failure.pipelineId) : undefined,
    step: "step" in failure ? clipped(failure.step) : undefined,
    task_id: "runId" in failure ? clipped(failure.runId) : undefined,
    details: details(problemsOf(failure))
  }
  return json(status, body(error, message, nowMillis, about), headersOf(failure, status))
}

/** The body of the reply to the error that a stream ended with, as JSON text. */
export const failureText = (error: unknown, nowMillis: number): string => {
  const tag = (error as { readonly _tag?: unknown } | undefined)?._tag
  const isFailure = typeof tag === "string" && Object.hasOwn(ANSWERS, tag)
  const { body } = isFailure ? toReply(error as Failure, nowMillis) : internalError(nowMillis)
  return body as string
}

const headersOf = (failure: Failure, status: number): Readonly<Record<string, string>> | undefined => {
  if (failure._tag === "Unauthenticated") return { "www-authenticate": challenges(failure) }
  if (failure._tag === "RateLimited") {
    return { "retry-after": String(Math.max(1, Math.ceil(failure.quota.resetMillis / 1_000))), ...quota(failure.quota) }
  }
  // If the run has started, repeating the request would start a second one.
  const isRepeatable = status === 503 && !("runId" in failure && failure.runId !== undefined)
  return isRepeatable ? { "retry-after": RETRY_SECONDS } : undefined
}

/** The accepted schemes, and for a refused bearer token that it is invalid. Source: RFC 9110, 11.6.1; RFC 6750, 3. */
const challenges = ({ schemes, isInvalid }: Errors.Unauthenticated): string =>
  schemes
    .map((scheme) => `${scheme} realm="levada"${isInvalid && scheme === "Bearer" ? ', error="invalid_token"' : ""}`)
    .join(", ")

/** The headers of a rate limit and of its remaining quota. Source: draft-ietf-httpapi-ratelimit-headers-10. */
export const quota = ({
  permission,
  permits,
  periodMillis,
  remaining,
  resetMillis
}: Quota): Readonly<Record<string, string>> => ({
  "ratelimit-policy": `"${permission}";q=${permits};w=${Math.ceil(periodMillis / 1_000)}`,
  ratelimit: `"${permission}";r=${remaining};t=${Math.ceil(resetMillis / 1_000)}`
})

/** The reply to a defect. Only the log has its details. */
export const internalError = (nowMillis: number): HttpReply =>
  json(500, body(INTERNAL.error, INTERNAL.message, nowMillis, {}))

/** The optional keys of an error body. Undefined ones are not written. */
type About = {
  readonly [Key in Exclude<keyof ErrorJson, "error" | "message" | "timestamp">]?: ErrorJson[Key] | undefined
}

const body = (
  error: string,
  message: string,
  nowMillis: number,
  about: About
): About & Omit<ErrorJson, keyof About> => ({
  error,
  message,
  ...about,
  timestamp: new Date(nowMillis).toISOString()
})

const problemsOf = (failure: Failure): ReadonlyArray<Errors.Problem> => {
  if ("problems" in failure) return failure.problems
  return failure._tag === "InvalidOption" ? [{ path: [failure.option], message: failure.message }] : []
}

/** The most problems that an answer lists, and the longest path or message in it, in UTF-16 units. */
const MAX_DETAILS = 1_000
const MAX_TEXT = 500

const details = (problems: ReadonlyArray<Errors.Problem>): About["details"] => {
  if (problems.length === 0) return undefined
  const listed = problems
    .slice(0, MAX_DETAILS)
    .map(({ path, message }) => ({ path: clip(path.join(".")), message: clip(message) }))
  const more = problems.length - listed.length
  return more === 0 ? listed : [...listed, { path: "", message: `and ${more} more` }]
}

const clipped = (name: string | undefined): string | undefined => (name === undefined ? undefined : clip(name))

const clip = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text)
