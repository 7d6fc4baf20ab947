/** The result of a run: one value, or a record of values by name when there are several. */
import * as Result from "effect/Result"
import type { Field, Json } from "../json/Value.ts"
import { codec } from "../json/Value.ts"
import type * as Pipeline from "../pipeline/Pipeline.ts"
import { InvalidOption } from "../values/Errors.ts"
import type { Run } from "./Run.ts"

/** The result as JSON text. A missing value is `null` when it is the only one, otherwise absent from the record. */
export const toJson = ({ results, outputs }: Pick<Run, "outputs" | "results">): Json => {
  const [only, ...others] = results
  if (only !== undefined && others.length === 0) return Object.hasOwn(outputs, only) ? outputs[only]! : "null"
  const entries = results.flatMap((name) =>
    Object.hasOwn(outputs, name) ? `${JSON.stringify(name)}:${outputs[name]}` : []
  )
  return `{${entries.join(",")}}`
}

/**
 * The result decoded by the pipeline's schemas. Fails with `InvalidOption` when the run belongs to another pipeline, or
 * to a version with other types.
 */
export const toValue = (pipeline: Pipeline.Any, run: Run): Result.Result<unknown, InvalidOption> => {
  const { results, outputs } = run
  const refused = (expected: string) => Result.fail(new InvalidOption("pipeline", pipeline.id, expected))
  if (run.pipelineId !== pipeline.id) return refused(`'${run.pipelineId}', the pipeline of run '${run.id}'`)
  const bindings = run.targets === undefined ? pipeline.results : pipeline.steps.flatMap((step) => step.outputs)
  // Most runs list results in the order of the pipeline; only the others need a map.
  let byName: Map<string, Field> | undefined
  const fieldOf = (name: string, at: number): Field | undefined => {
    if (bindings[at]?.value === name) return bindings[at].field
    byName ??= new Map(bindings.map(({ value, field }) => [value, field]))
    return byName.get(name)
  }
  const values: Array<readonly [string, unknown]> = []
  for (const [at, name] of results.entries()) {
    if (!Object.hasOwn(outputs, name)) continue
    const field = fieldOf(name, at)
    const decoded = field && codec(field).decode(outputs[name]!)
    if (decoded === undefined || Result.isFailure(decoded)) {
      return refused(`the types of version ${run.version}, with which run '${run.id}' was started`)
    }
    values.push([name, decoded.success])
  }
  return Result.succeed(results.length === 1 ? values[0]?.[1] : Object.fromEntries(values))
}
