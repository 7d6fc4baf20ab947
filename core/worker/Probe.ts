/** Probes a step or a unit: computes its limits and its memo key from its inputs, before it runs. */
import * as Result from "effect/Result"
import { canonical, codec } from "../json/Value.ts"
import * as Version from "../pipeline/Version.ts"
import type { Claim, MemoKey, Outcome } from "../store/Work.ts"
import { sha256 } from "../values/Digest.ts"
import { describeWithStack, type ErrorInfo } from "../values/ErrorInfo.ts"
import * as Limit from "../values/Limit.ts"
import * as ItemUnits from "./ItemUnits.ts"
import { readInputs, type StepCodec, stepError } from "./StepCodec.ts"

/** The outcome of a probe. */
export const probe = (stepCodec: StepCodec, claim: Claim): Outcome => {
  const { values, item } = claim
  const { limit } = stepCodec.task
  const items = item === undefined ? [[]] : ItemUnits.fromJson(stepCodec, item.value)
  const failed = (error: ErrorInfo, at: number): Outcome => ({
    _tag: "Failed",
    error: item === undefined ? error : { ...error, item: item.index * (stepCodec.step.chunk ?? 1) + at }
  })
  const inputs: Array<Readonly<Record<string, unknown>>> = []
  for (let at = 0; at < items.length; at++) {
    const record = readInputs(stepCodec, values, items[at]!)
    if (Result.isFailure(record)) return failed(record.failure, at)
    inputs.push(record.success)
  }
  const memo = memoKey(stepCodec, claim.pipelineId, inputs)
  // The items of a unit run one after the other, so the key of the first one counts for all.
  const key = typeof limit?.key === "function" ? limitKey(stepCodec, limit.key, inputs[0]!) : undefined
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
    const cause = describeWithStack(error)
    const message = `The limit key of task '${task.name}' failed: ${cause.message}`
    return Result.fail({ ...stepError(step, "LimitKeyFailed", message), cause })
  }
}

const ABSENT = Result.succeed(null)

/** Longer inputs, in UTF-16 units, are replaced by their digest in the memo key. */
const MAX_INPUT_TEXT = 1_000

/** A text that identifies the step and its inputs. Different inputs have different texts. */
const memoKey = (
  stepCodec: StepCodec,
  pipelineId: string,
  inputs: ReadonlyArray<Readonly<Record<string, unknown>>>
): MemoKey | undefined => {
  const { step, task } = stepCodec
  if (task.memo === undefined || step.kind === "branch") return undefined
  const spelt: Array<ReadonlyArray<string | null>> = []
  for (const record of inputs) {
    const values: Array<string | null> = []
    for (const key of Object.keys(task.input)) {
      const json = Object.hasOwn(record, key) ? codec(task.input[key]).encode(record[key]) : ABSENT
      // An input that can't be encoded can't be part of a key.
      if (Result.isFailure(json)) return undefined
      values.push(json.success === null ? null : canonical(json.success))
    }
    spelt.push(values)
  }
  const inputsText = JSON.stringify(spelt)
  const short = inputsText.length > MAX_INPUT_TEXT ? sha256(inputsText) : inputsText
  return { text: `${identityOf(stepCodec, pipelineId)} ${short}`, ttlMillis: task.memo.ttlMillis }
}

const identities = new WeakMap<StepCodec, string>()

/** Identifies steps that give equal outputs for equal inputs: by their task and the names of their values. */
const identityOf = (stepCodec: StepCodec, pipelineId: string): string => {
  let identity = identities.get(stepCodec)
  if (identity === undefined) {
    const { step, task, outputs } = stepCodec
    const names = [...outputs, ...step.outputs].map(({ key, value }) => [key, value])
    const fields = [task.input, task.output].map((fields) =>
      Object.keys(fields).map((key) => [key, Version.shape(fields[key])])
    )
    // Two tasks without a version may have the same name and code, and differ in what they close over. So such a task
    // is identified by its pipeline and step too.
    const of = task.version === undefined ? [pipelineId, step.name, String(task.run)] : [task.version]
    const words = [task.name, of, step.kind, step.chunk ?? null, names, fields]
    identity = `${task.name} ${sha256(JSON.stringify(words))}`
    identities.set(stepCodec, identity)
  }
  return identity
}
