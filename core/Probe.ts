/** What can be said of a step or item once its inputs are known, before it is run: its limits and its memo key. */
import * as Result from "effect/Result"
import { describe, type ErrorInfo } from "./ErrorInfo.ts"
import * as Items from "./Items.ts"
import * as Limit from "./Limit.ts"
import { type Runner, read, wrong } from "./Runner.ts"
import type { Claim, MemoKey, Outcome } from "./Store.ts"
import { codec } from "./Value.ts"
import * as Version from "./Version.ts"

/** The outcome of a probe. */
export const probe = (runner: Runner, { values, item }: Claim): Outcome => {
  const { limit } = runner.task
  const items = item === undefined ? [[]] : Items.fromJson(runner, item.value)
  const inputs: Array<Readonly<Record<string, unknown>>> = []
  for (const each of items) {
    const record = read(runner, values, each)
    if (Result.isFailure(record)) return { _tag: "Failed", error: record.failure }
    inputs.push(record.success)
  }
  const memo = memoKey(runner, inputs)
  // Items of one unit are worked off one after the other, so the first speaks for all.
  const key = typeof limit?.key === "function" ? keyOf(runner, limit.key, inputs[0]!) : undefined
  if (key === undefined) return { _tag: "Probed", limits: [], memo }
  if (Result.isFailure(key)) return { _tag: "Failed", error: key.failure }
  return { _tag: "Probed", limits: [Limit.ofTask(key.success, limit!.max)], memo }
}

const keyOf = (
  { step, task }: Runner,
  of: (inputs: Readonly<Record<string, unknown>>) => string,
  inputs: Readonly<Record<string, unknown>>
): Result.Result<string, ErrorInfo> => {
  try {
    const key = of(inputs)
    const mistake = Limit.invalid(`limit of task '${task.name}'`, key, 1)
    return mistake === undefined ? Result.succeed(key) : Result.fail(wrong(step, "LimitKeyFailed", mistake.message))
  } catch (error) {
    const cause = describe(error)
    const message = `The limit's key of task '${task.name}' failed: ${cause.message}`
    return Result.fail({ ...wrong(step, "LimitKeyFailed", message), cause })
  }
}

/** The task, its version, what its values are called, and the inputs, spelt out: no two different ones look the same. */
const memoKey = (
  { step, task, outputs }: Runner,
  inputs: ReadonlyArray<Readonly<Record<string, unknown>>>
): MemoKey | undefined => {
  if (task.memo === undefined || step.kind === "branch") return undefined
  const spelt = inputs.map((record) =>
    Object.keys(task.input).map((key) => {
      if (!Object.hasOwn(record, key)) return null
      const json = codec(task.input[key]).encode(record[key])
      return Result.isSuccess(json) ? json.success : null
    })
  )
  const names = outputs.map(([{ value, field }]) => [value, Version.shape(field)])
  const fields = Object.keys(task.input).map((key) => Version.shape(task.input[key]))
  return {
    text: JSON.stringify([task.name, task.version ?? null, step.kind, step.chunk ?? null, names, fields, spelt]),
    ttlMillis: task.memo.ttlMillis
  }
}
