/** The version of a pipeline: a digest of its structure, schemas and declared task versions. */

import { type Field, jsonSchema } from "../json/Value.ts"
import { sha256 } from "../values/Digest.ts"
import type { Kind } from "./Pipeline.ts"
import type { Binding, Step } from "./Step.ts"

export { sha256 as digest } from "../values/Digest.ts"

/**
 * The first 16 hexadecimal digits of SHA-256 over steps, names of values, schemas and declared task versions. The order of
 * the tasks does not change it, so all processes with the same pipeline have the same version.
 */
export const of = (kind: Kind, steps: ReadonlyArray<Step>): string =>
  sha256([kind, ...steps.map(describeStep).sort()].join("\n")).slice(0, 16)

/** The key of one version of one pipeline, by which Stores find work for a worker. */
export const key = (pipelineId: string, version: string): string => `${version}:${pipelineId}`

/** The pipeline id and the version of a key. */
export const parts = (key: string): { readonly pipelineId: string; readonly version: string } => {
  const colon = key.indexOf(":")
  return { pipelineId: key.slice(colon + 1), version: key.slice(0, colon) }
}

const describeStep = (step: Step): string =>
  JSON.stringify([
    step.name,
    step.kind,
    step.task.name,
    step.task.version ?? null,
    step.inputs.map(describeBinding).sort(),
    step.outputs.map(describeBinding).sort(),
    // Left out when empty, so that plain task steps keep the version that they had before these fields existed.
    ...(step.kind === "task" && step.constants.length + step.within.length === 0
      ? []
      : [step.constants, step.over, step.initial, step.chunk ?? 1, step.within])
  ])

const describeBinding = ({ key, value, optional, field }: Binding): string =>
  JSON.stringify([key, value, optional, shape(field)])

const shapes = new WeakMap<object, string>()

/** A schema as text: its JSON Schema, or only its kind when it has none. */
export const shape = (field: Field): string => {
  let found = shapes.get(field.ast)
  if (found === undefined) {
    const document = jsonSchema(field)
    found = document === undefined ? field.ast._tag : JSON.stringify(document)
    shapes.set(field.ast, found)
  }
  return found
}
