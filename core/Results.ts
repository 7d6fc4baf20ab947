/** What a run gives: the one output that no step takes, or a record of them when there are several. */
import * as Result from "effect/Result"
import type * as Pipeline from "./Pipeline.ts"
import { codec, type Json } from "./Value.ts"

/** The result as JSON text. A single result that was left out is `null`; among several it is absent. */
export const toJson = (pipeline: Pipeline.Any, outputs: Readonly<Record<string, Json>>): Json => {
  const { results } = pipeline
  if (results.length === 1) return outputs[results[0]!.value] ?? "null"
  const entries = results.flatMap(({ value }) => {
    const json = outputs[value]
    return json === undefined ? [] : `${JSON.stringify(value)}:${json}`
  })
  return `{${entries.join(",")}}`
}

/** The result as values of the pipeline's own types. */
export const toValue = (pipeline: Pipeline.Any, outputs: Readonly<Record<string, Json>>): unknown => {
  const { results } = pipeline
  const decode = ({ value, field }: (typeof results)[number]): unknown => {
    const json = outputs[value]
    // It was written by this very codec, so reading it back can't fail unless the code has changed since.
    return json === undefined ? undefined : Result.getOrThrow(codec(field).decode(json))
  }
  if (results.length === 1) return decode(results[0]!)
  return Object.fromEntries(
    results.filter(({ value }) => outputs[value] !== undefined).map((output) => [output.value, decode(output)])
  )
}
