/** What a run gives: the one output that no step takes, or a record of them when there are several. */
import * as Result from "effect/Result"
import type * as Pipeline from "./Pipeline.ts"
import type { Run } from "./Run.ts"
import type { Binding } from "./Step.ts"
import { codec, type Json } from "./Value.ts"

type Ran = Pick<Run, "outputs" | "targets">

/** Of a run with targets, what these give; else what no step takes. */
const resultsOf = (pipeline: Pipeline.Any, { targets }: Ran): ReadonlyArray<Binding> =>
  targets === undefined
    ? pipeline.results
    : pipeline.steps.filter(({ name }) => targets.includes(name)).flatMap((step) => step.outputs)

/** The result as JSON text. A single result that was left out is `null`; among several it is absent. */
export const toJson = (pipeline: Pipeline.Any, run: Ran): Json => {
  const results = resultsOf(pipeline, run)
  const { outputs } = run
  if (results.length === 1) return outputs[results[0]!.value] ?? "null"
  const entries = results.flatMap(({ value }) => {
    const json = outputs[value]
    return json === undefined ? [] : `${JSON.stringify(value)}:${json}`
  })
  return `{${entries.join(",")}}`
}

/** The result as values of the pipeline's own types. */
export const toValue = (pipeline: Pipeline.Any, run: Ran): unknown => {
  const results = resultsOf(pipeline, run)
  const { outputs } = run
  const decode = ({ value, field }: Binding): unknown => {
    const json = outputs[value]
    // It was written by this very codec, so reading it back can't fail unless the code has changed since.
    return json === undefined ? undefined : Result.getOrThrow(codec(field).decode(json))
  }
  if (results.length === 1) return decode(results[0]!)
  return Object.fromEntries(
    results.filter(({ value }) => outputs[value] !== undefined).map((output) => [output.value, decode(output)])
  )
}
