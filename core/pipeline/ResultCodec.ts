/** Decodes the result of a pipeline from JSON: one value, or a record when there are several. */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { codec } from "../json/Value.ts"
import { InvalidOption } from "../values/Errors.ts"
import type * as Pipeline from "./Pipeline.ts"

/** Decodes a result from parsed JSON. Fails with `InvalidOption` when its types differ from the pipeline's. */
export const fromJson = (pipeline: Pipeline.Any, json: unknown): Result.Result<unknown, InvalidOption> => {
  const refused = Result.fail(
    new InvalidOption("pipeline", pipeline.id, "a pipeline with the same result types as on the server")
  )
  const { results } = pipeline
  const [only, ...others] = results
  if (only !== undefined && others.length === 0) {
    const read = codec(only.field).read(json)
    if (Result.isSuccess(read)) return Result.succeed(read.success)
    return json === null ? Result.succeed(undefined) : refused
  }
  if (!Predicate.isObject(json)) return refused
  const values: Record<string, unknown> = {}
  for (const { value, field } of results) {
    if (!Object.hasOwn(json, value)) continue
    const read = codec(field).read(json[value])
    if (Result.isFailure(read)) return refused
    values[value] = read.success
  }
  return Result.succeed(values)
}
