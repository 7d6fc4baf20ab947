/** A step: one place of a task in a pipeline, with the names under which its values travel in a run. */
import type * as Task from "./Task.ts"
import { type Field, isOptional } from "./Value.ts"

/** One input or output of a step: `key` is the task's word for it, `value` the run's. */
export interface Binding {
  readonly key: string
  readonly value: string
  readonly field: Field
  readonly optional: boolean
}

/** One place of a task in a pipeline. */
export interface Step {
  readonly name: string
  readonly kind: "task"
  readonly task: Task.Any
  readonly inputs: ReadonlyArray<Binding>
  readonly outputs: ReadonlyArray<Binding>
}

const sameName = (key: string): string => key

/** The step of a task. `inputName` and `outputName` say what a key is called in the run; by default, the same. */
export const make = (
  task: Task.Any,
  name: string = task.name,
  inputName: (key: string) => string = sameName,
  outputName: (key: string) => string = sameName
): Step => ({
  name,
  kind: "task",
  task,
  inputs: bindings(task.input, inputName),
  outputs: bindings(task.output, outputName)
})

const bindings = (fields: { readonly [key: string]: Field }, nameOf: (key: string) => string): ReadonlyArray<Binding> =>
  Object.keys(fields).map((key) => ({
    key,
    value: nameOf(key),
    field: fields[key]!,
    optional: isOptional(fields[key]!)
  }))
