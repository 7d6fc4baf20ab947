/** What can be said of a step or item once its inputs are known, before it is run: its limits and its memo key. */
import * as Result from "effect/Result"
import { canonical, codec } from "../json/Value.ts"
import * as Version from "../pipeline/Version.ts"
import type { Claim, MemoKey, Outcome } from "../store/Work.ts"
import { sha256 } from "../values/Digest.ts"
import { describe, type ErrorInfo } from "../values/ErrorInfo.ts"
import * as Limit from "../values/Limit.ts"
import * as ItemUnits from "./ItemUnits.ts"
import { readInputs, type StepCodec, stepError } from "./StepCodec.ts"

/** The outcome of a probe. */
export const probe = (runner: StepCodec, claim: Claim): Outcome => {
  const { values, item } = claim
  const { limit } = runner.task
  const items = item === undefined ? [[]] : ItemUnits.fromJson(runner, item.value)
  const failed = (error: ErrorInfo, at: number): Outcome => ({
    _tag: "Failed",
    error: item === undefined ? error : { ...error, item: item.index * (runner.step.chunk ?? 1) + at }
  })
  const inputs: Array<Readonly<Record<string, unknown>>> = []
  for (let at = 0; at < items.length; at++) {
    const record = readInputs(runner, values, items[at]!)
    if (Result.isFailure(record)) return failed(record.failure, at)
    inputs.push(record.success)
  }
  const memo = memoKey(runner, claim.pipelineId, inputs)
  // Items of one unit are worked off one after the other, so the first speaks for all.
  const key = typeof limit?.key === "function" ? limitKey(runner, limit.key, inputs[0]!) : undefined
  if (key === undefined) return { _tag: "Probed", limits: [], memo }
  if (Result.isFailure(key)) return failed(key.failure, 0)
  return { _tag: "Probed", limits: [Limit.ofTask(key.success, limit!.max)], memo }
}

const limitKey = (
  { step, task }: StepCodec,
  of: (inputs: Readonly<Record<string, unknown>>) => string,
  inputs: Readonly<Record<string, unknown>>
): Result.Result<string, ErrorInfo> => {
  try {
    const key = of(inputs)
    const mistake = Limit.invalidKey(`limit of task '${task.name}'`, key)
    return mistake === undefined ? Result.succeed(key) : Result.fail(stepError(step, "LimitKeyFailed", mistake.message))
  } catch (error) {
    const cause = describe(error)
    const message = `The limit's key of task '${task.name}' failed: ${cause.message}`
    return Result.fail({ ...stepError(step, "LimitKeyFailed", message), cause })
  }
}

const ABSENT = Result.succeed(null)

/** Inputs that are longer than this, in UTF-16 units, are told apart by their digest. */
const MAX_INPUT_TEXT = 1_000

/** What identifies the step, and its inputs, spelt out or as their digest: no two different ones look the same. */
const memoKey = (
  runner: StepCodec,
  pipelineId: string,
  inputs: ReadonlyArray<Readonly<Record<string, unknown>>>
): MemoKey | undefined => {
  const { step, task } = runner
  if (task.memo === undefined || step.kind === "branch") return undefined
  const spelt: Array<ReadonlyArray<string | null>> = []
  for (const record of inputs) {
    const values: Array<string | null> = []
    for (const key of Object.keys(task.input)) {
      const json = Object.hasOwn(record, key) ? codec(task.input[key]).encode(record[key]) : ABSENT
      // What can't be written can't be told apart either.
      if (Result.isFailure(json)) return undefined
      values.push(json.success === null ? null : canonical(json.success))
    }
    spelt.push(values)
  }
  const inputsText = JSON.stringify(spelt)
  const short = inputsText.length > MAX_INPUT_TEXT ? sha256(inputsText) : inputsText
  return { text: `${identityOf(runner, pipelineId)} ${short}`, ttlMillis: task.memo.ttlMillis }
}

const identities = new WeakMap<StepCodec, string>()

/** What makes a step that gives the same for the same inputs: its task, and what its values are called. */
const identityOf = (runner: StepCodec, pipelineId: string): string => {
  let identity = identities.get(runner)
  if (identity === undefined) {
    const { step, task, outputs } = runner
    const names = [...outputs, ...step.outputs].map(({ key, value }) => [key, value])
    const fields = [task.input, task.output].map((fields) =>
      Object.keys(fields).map((key) => [key, Version.shape(fields[key])])
    )
    // A task without a version may be one of many of its name and code that differ in what they close over; only in its
    // own place is it surely itself.
    const of = task.version === undefined ? [pipelineId, step.name, String(task.run)] : [task.version]
    const words = [task.name, of, step.kind, step.chunk ?? null, names, fields]
    identity = `${task.name} ${sha256(JSON.stringify(words))}`
    identities.set(runner, identity)
  }
  return identity
}
