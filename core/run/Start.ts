/** What may be said about a run when it is started, and the run that comes of it. */
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

/** How a run differs from what its pipeline says. */
export interface Options {
  /** How long the run may take in all from when it may start, in milliseconds; at least 1. Default: the pipeline's. */
  readonly timeoutMillis?: number
  /** What becomes of the run when one of its steps has failed. Default: the pipeline's. */
  readonly onFailure?: Policy.Policy
  /** Of the runs that wait, those with the highest go first: a whole number from -100 to 100. Default: 0. */
  readonly priority?: number
  /** How long from now until its first step may begin, in milliseconds. Default: 0. */
  readonly delayMillis?: number
  /**
   * Names the run: whoever starts one with the same key and the same parameters and options within 24 hours gets this
   * one. With others, or when the run is no longer kept, they fail with `IdempotencyConflict`. 1 to 255 characters.
   * Default: every start is a run.
   */
  readonly idempotencyKey?: string
}

/** How a run is about a part of its pipeline. */
export interface PartOptions {
  /** The steps that it is about: they and what they need are run. Default: everything. */
  readonly targets?: ReadonlyArray<string>
  /**
   * Values of outputs. The steps that would produce them are run only if something else needs them, and even then these
   * values stay.
   */
  readonly given?: Readonly<Record<string, unknown>>
}

/** The longest idempotency key, in UTF-16 units. */
export const MAX_IDEMPOTENCY_KEY = 255

const SOME_STEPS = "an array of step names, at least one"

/** What is wrong with options; nothing when they can be used. */
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
    (targets?.length === 0 ? new InvalidOption("targets", "none", SOME_STEPS) : undefined)
  )
}

/** Why a run can't be started as it was asked for. */
export type Mistake = ParametersInvalid | UnknownStep | InvalidOption

/**
 * The run that was asked for. `maxValueBytes` is the longest value that is kept. `owner`: the principal that its
 * idempotency key belongs to; undefined for the program itself.
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
        if (part === undefined) return Result.succeed(named(run, options, owner))
        return Result.succeed(named({ ...run, plan: pipeline.planOf(part), given: outputs, targets }, options, owner))
      })
    )
  })
}

/** A run of a whole pipeline. */
export const plain = (pipeline: Pipeline.Any, parameters: Readonly<Record<string, Json>>, options: Options): NewRun => {
  const { timeoutMillis, onFailure = "fail-fast", limit } = pipeline.options
  return {
    pipelineId: pipeline.id,
    version: pipeline.version,
    plan: pipeline.plan,
    parameters,
    timeoutMillis: OptionCheck.whole(options.timeoutMillis ?? timeoutMillis),
    onFailure: options.onFailure ?? onFailure,
    ...(options.priority !== undefined && { priority: options.priority }),
    ...(options.delayMillis !== undefined && { delayMillis: OptionCheck.whole(options.delayMillis) }),
    ...(limit?.runs !== undefined && { limits: [Limit.ofRuns(pipeline.id, limit.runs)] })
  }
}

const named = (run: NewRun, { idempotencyKey: key }: Options, owner: string | undefined): NewRun =>
  key === undefined ? run : { ...run, idempotency: { key: keyOf(key, owner), fingerprint: fingerprint(run) } }

/** A key as the Store keeps it: by its digest, because owner and key together may be longer than a key may be. */
const keyOf = (key: string, owner: string | undefined): string =>
  owner === undefined ? key : sha256(JSON.stringify([owner, key]))

/** The same for two runs that were asked for in the same words. */
const fingerprint = ({ parameters, given, targets, timeoutMillis, onFailure, priority, delayMillis }: NewRun): string =>
  sha256(
    JSON.stringify([spelt(parameters), given && spelt(given), targets, timeoutMillis, onFailure, priority, delayMillis])
  )

const spelt = (values: Readonly<Record<string, Json>>) =>
  Object.keys(values)
    .sort()
    .map((name) => [name, canonical(values[name]!)])

/** The values that take more bytes than is kept of one, or too many together; nothing when all fit. */
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
      const message = `Longer than the ${maxValueBytes} bytes of JSON that are kept of a value`
      problems.push({ path: [place, name], message })
    }
  }
  const most = MAX_TOGETHER * maxValueBytes
  if (problems.length === 0 && Bytes.exceedTogether({ ...parameters, ...given }, most)) {
    problems.push({ path: [], message: `Longer together than the ${most} bytes of JSON that one run is given at most` })
  }
  return problems.length > 0 ? new ParametersInvalid(pipeline.id, problems) : undefined
}
