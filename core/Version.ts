/** The version of a pipeline: a hash of what its runs depend on. */
import type { Kind } from "./Pipeline.ts"
import type { Binding, Step } from "./Step.ts"
import { type Field, jsonSchema } from "./Value.ts"

/**
 * 16 hexadecimal digits over steps, names of values, schemas and declared task versions. Two processes with the same
 * pipeline get the same version, in whatever order its tasks are registered.
 */
export const of = (kind: Kind, steps: ReadonlyArray<Step>): string => hash([kind, ...steps.map(line).sort()].join("\n"))

/** One version of one pipeline, as workers and Stores match work by. */
export const key = (pipelineId: string, version: string): string => `${version}:${pipelineId}`

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

/** What stands for a text where only whether two are the same matters. */
export const digest = (text: string): string => hash(text)

// FNV-1a in two 32-bit lanes with different offsets. It tells versions apart; it is no protection against forgery.
const hash = (text: string): string => {
  let high = 0x811c9dc5
  let low = 0x01000193
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    high = Math.imul(high ^ unit, 0x01000193)
    low = Math.imul(low ^ unit ^ (high >>> 15), 0x5bd1e995)
  }
  return (high >>> 0).toString(16).padStart(8, "0") + (low >>> 0).toString(16).padStart(8, "0")
}
