/** The options of a run, and the `NewRun` made from them. */
import * as Result from "effect/Result"
import { canonical, type Json, MAX_TOGETHER } from "../json/Value.ts"
import type { RunInput } from "../pipeline/Parameters.ts"
import * as Parameters from "../pipeline/Parameters.ts"
import type * as Pipeline from "../pipeline/Pipeline.ts"
import * as Bytes from "../values/Bytes.ts"
import { sha256 } from "../values/Digest.ts"
import { InvalidOption, ParametersInvalid, type Problem, type UnknownStep } from "../values/Errors.ts"
import * as Limit from "../values/Limit.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import * as Policy from "../values/Policy.ts"
import type { NewRun } from "./NewRun.ts"
import * as PartialRun from "./PartialRun.ts"
import { MAX_PRIORITY } from "./Schedule.ts"

/** Options of a run; some override those of its pipeline. */
export interface Options {
  /** How long the run may take after its delay, in milliseconds; at least 1. Default: the pipeline's. */
  readonly timeoutMillis?: number
  /** What happens to the run when a step fails. Default: the pipeline's. */
  readonly onFailure?: Policy.Policy
  /** Waiting runs with a higher priority go first: an integer from -100 to 100. Default: 0. */
  readonly priority?: number
  /** How long the run waits before its first step may begin, in milliseconds. Default: 0. */
  readonly delayMillis?: number
  /**
   * Names the run: starting another with the same key, parameters and options within 24 hours returns this run. With
   * other parameters or options, or when the run is no longer kept, it fails with `IdempotencyConflict`. 1 to 255
   * characters. Default: every start makes a new run.
   */
  readonly idempotencyKey?: string
}

/** Options of a run of a part of its pipeline. */
export interface PartOptions {
  /** The steps to run, together with all that they need. Default: the whole pipeline. */
  readonly targets?: ReadonlyArray<string>
  /**
   * Values of outputs. A step that would produce them runs only if another of its outputs is needed; even then these
   * values stay.
   */
  readonly given?: Readonly<Record<string, unknown>>
}

/** The longest idempotency key, in UTF-16 units. */
export const MAX_IDEMPOTENCY_KEY = 255

const SOME_STEPS = "an array of step names, at least one"

/** The first mistake in the options; undefined when they are valid. */
export const invalid = (options: Options & PartOptions): InvalidOption | undefined => {
  const mistake = OptionCheck.record("options", options)
  if (mistake !== undefined) return mistake
  const { idempotencyKey: key, targets } = options
  return (
    OptionCheck.millis("timeoutMillis", options.timeoutMillis, 1) ??
    OptionCheck.among("onFailure", options.onFailure, Policy.POLICIES) ??
    OptionCheck.integer("priority", options.priority, -MAX_PRIORITY, MAX_PRIORITY) ??
    OptionCheck.millis("delayMillis", options.delayMillis) ??
    OptionCheck.text("idempotencyKey", key, MAX_IDEMPOTENCY_KEY) ??
    OptionCheck.texts("targets", targets, SOME_STEPS) ??
    (targets?.length === 0 ? new InvalidOption("targets", targets, SOME_STEPS) : undefined)
  )
}

/** Why a run can't be started. */
export type Mistake = ParametersInvalid | UnknownStep | InvalidOption

/**
 * The run to submit. `maxValueBytes` bounds each value. `owner`: the principal that its idempotency key belongs to;
 * undefined for the program itself.
 */
export const newRun = (
  pipeline: Pipeline.Any,
  given: RunInput,
  options: Options & PartOptions,
  maxValueBytes: number,
  owner?: string
): Result.Result<NewRun, Mistake> => {
  const mistake = invalid(options) ?? Parameters.invalid("given", given)
  if (mistake !== undefined) return Result.fail(mistake)
  const targets = options.targets && [...new Set(options.targets)]
  return Result.flatMap(given.outputs(pipeline), (outputs) => {
    const names = Object.keys(outputs)
    const part: Result.Result<PartialRun.Part | undefined, UnknownStep> =
      names.length === 0 && targets === undefined
        ? Result.succeed(undefined)
        : PartialRun.of(pipeline, targets, new Set(names))
    return Result.flatMap(part, (part) =>
      Result.flatMap(given.parameters(pipeline, part), (parameters) => {
        const long = tooLong(pipeline, parameters, outputs, maxValueBytes)
        if (long !== undefined) return Result.fail(long)
        const run = plain(pipeline, parameters, options)
        if (part === undefined) return Result.succeed(withIdempotency(run, options, owner))
        return Result.succeed(
          withIdempotency({ ...run, plan: pipeline.planOf(part), given: outputs, targets }, options, owner)
        )
      })
    )
  })
}

/** A run of the whole pipeline, without an idempotency key. */
export const plain = (pipeline: Pipeline.Any, parameters: Readonly<Record<string, Json>>, options: Options): NewRun => {
  const { timeoutMillis, onFailure = "fail-fast", limit } = pipeline.options
  return {
    pipelineId: pipeline.id,
    version: pipeline.version,
    kind: pipeline.kind,
    plan: pipeline.plan,
    parameters,
    timeoutMillis: OptionCheck.whole(options.timeoutMillis ?? timeoutMillis),
    onFailure: options.onFailure ?? onFailure,
    ...(options.priority !== undefined && { priority: options.priority }),
    ...(options.delayMillis !== undefined && { delayMillis: OptionCheck.whole(options.delayMillis) }),
    ...(limit?.runs !== undefined && { limits: [Limit.ofRuns(pipeline.id, limit.runs)] })
  }
}

const withIdempotency = (run: NewRun, { idempotencyKey: key }: Options, owner: string | undefined): NewRun =>
  key === undefined ? run : { ...run, idempotency: { key: storedKey(key, owner), fingerprint: fingerprint(run) } }

/** The key that the Store keeps: a digest, because owner and key together may exceed the longest key. */
const storedKey = (key: string, owner: string | undefined): string =>
  owner === undefined ? key : sha256(JSON.stringify([owner, key]))

/** Equal for two runs with the same parameters and options. */
const fingerprint = ({ parameters, given, targets, timeoutMillis, onFailure, priority, delayMillis }: NewRun): string =>
  sha256(
    JSON.stringify([
      sortedEntries(parameters),
      given && sortedEntries(given),
      targets,
      timeoutMillis,
      onFailure,
      priority,
      delayMillis
    ])
  )

const sortedEntries = (values: Readonly<Record<string, Json>>) =>
  Object.keys(values)
    .sort()
    .map((name) => [name, canonical(values[name]!)])

/** The failure that names the values with too many bytes, alone or together; undefined when all fit. */
export const tooLong = (
  pipeline: Pipeline.Any,
  parameters: Readonly<Record<string, Json>>,
  given: Readonly<Record<string, Json>>,
  maxValueBytes: number
): ParametersInvalid | undefined => {
  const problems: Array<Problem> = []
  for (const [place, values] of [
    ["parameters", parameters],
    ["given", given]
  ] as const) {
    for (const name of Object.keys(values)) {
      if (!Bytes.exceeds(values[name]!, maxValueBytes)) continue
      const message = `Longer than ${maxValueBytes} bytes of JSON (maxValueBytes)`
      problems.push({ path: [place, name], message })
    }
  }
  const most = MAX_TOGETHER * maxValueBytes
  if (problems.length === 0 && Bytes.exceedTogether({ ...parameters, ...given }, most)) {
    problems.push({
      path: [],
      message: `Together longer than ${most} bytes of JSON, the most that one run may be given`
    })
  }
  return problems.length > 0 ? new ParametersInvalid(pipeline.id, problems) : undefined
}
