/** The version of a pipeline: a digest of all that its runs depend on. */

import { type Field, jsonSchema } from "../json/Value.ts"
import { sha256 } from "../values/Digest.ts"
import type { Kind } from "./Pipeline.ts"
import type { Binding, Step } from "./Step.ts"

export { sha256 as digest } from "../values/Digest.ts"

/**
 * The first 16 hexadecimal digits of SHA-256 over steps, names of values, schemas and declared task versions. Two
 * processes with the same pipeline get the same version, in whatever order its tasks are registered.
 */
export const of = (kind: Kind, steps: ReadonlyArray<Step>): string =>
  sha256([kind, ...steps.map(line).sort()].join("\n")).slice(0, 16)

/** One version of one pipeline, as workers and Stores match work by. */
export const key = (pipelineId: string, version: string): string => `${version}:${pipelineId}`

/** What a key was made of. */
export const parts = (key: string): { readonly pipelineId: string; readonly version: string } => {
  const colon = key.indexOf(":")
  return { pipelineId: key.slice(colon + 1), version: key.slice(0, colon) }
}

const line = (step: Step): string =>
  JSON.stringify([
    step.name,
    step.kind,
    step.task.name,
    step.task.version ?? null,
    step.inputs.map(binding).sort(),
    step.outputs.map(binding).sort(),
    // Only where there is something to say, so that what other steps are stays as it is.
    ...(step.kind === "task" && step.constants.length + step.within.length === 0
      ? []
      : [step.constants, step.over, step.initial, step.chunk ?? 1, step.within])
  ])

const binding = ({ key, value, optional, field }: Binding): string =>
  JSON.stringify([key, value, optional, shape(field)])

const shapes = new WeakMap<object, string>()

/** A schema as text. Not every schema has a JSON Schema; then its kind alone counts. */
export const shape = (field: Field): string => {
  let found = shapes.get(field.ast)
  if (found === undefined) {
    const document = jsonSchema(field)
    found = document === undefined ? field.ast._tag : JSON.stringify(document)
    shapes.set(field.ast, found)
  }
  return found
}
