/** A task: a named function from named inputs to named outputs, each with a Schema. */
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Name from "./Name.ts"
import type { Fields } from "./Value.ts"

/** What a task is told about the attempt that it is. */
export interface TaskContext {
  readonly runId: string
  readonly pipelineId: string
  readonly step: string
  /** 1 for the first attempt. A step whose worker was lost is attempted again. */
  readonly attempt: number
  /** Aborted when the run fails, is cancelled or times out, and when the worker shuts down. */
  readonly signal: AbortSignal
}

/** The decoded inputs of a task. Optional inputs that nothing gave are absent. */
export type Inputs<In extends Fields> = Schema.Struct.Type<In>

/** The record that a task returns, one value for each output. */
export type Outputs<Out extends Fields> = Schema.Struct.Type<Out>

/** A task returns its outputs as a plain value, as a Promise, or as an Effect that yields them. */
export type Returned<Out extends Fields, E, R> =
  | Outputs<Out>
  | PromiseLike<Outputs<Out>>
  | Effect.Effect<Outputs<Out>, E, R>

/** A named function with typed inputs and outputs. `E` and `R` are the error and requirements of its Effect, if it returns one. */
export interface Task<
  Name extends string = string,
  In extends Fields = Fields,
  Out extends Fields = Fields,
  E = unknown,
  R = unknown
> {
  readonly name: Name
  readonly description: string | undefined
  /** Declared by its author; part of every pipeline's version, so a worker with other code is not given its work. */
  readonly version: string | undefined
  readonly input: In
  readonly output: Out
  // Method syntax: a task of concrete types has to fit where any task is taken.
  run(inputs: Inputs<In>, context: TaskContext): Returned<Out, E, R>
}

/** Any task. */
// biome-ignore lint/suspicious/noExplicitAny: variance; `unknown` would not accept concrete requirements
export type Any = Task<string, any, any, any, any>

/** The error of the Effect that a `run` returns; never for values and Promises. */
export type ErrorOf<Ret> = Ret extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

/** The services that the Effect of a `run` needs; never for values and Promises. */
export type RequirementsOf<Ret> = Ret extends Effect.Effect<infer _A, infer _E, infer R> ? R : never

/** How a task is declared. */
export interface Options<In extends Fields, Out extends Fields, Ret> {
  /** Named schemas of what it takes. `Schema.optionalKey` makes an input optional. Default: nothing. */
  readonly input?: In
  /** Named schemas of what it returns. Default: nothing. */
  readonly output?: Out
  /** One sentence for people; shown by `/visualize`. */
  readonly description?: string
  /** Change it when the code means something else now. */
  readonly version?: string
  readonly run: (inputs: Inputs<In>, context: TaskContext) => Ret
}

/**
 * Declares a task.
 *
 * `run` gets the decoded inputs and a context, and returns the record of outputs as a value, a Promise or an Effect.
 * Throws `InvalidName` when the name or a key can't be used.
 */
export const make = <
  const Name extends string,
  In extends Fields = {},
  Out extends Fields = {},
  // biome-ignore lint/suspicious/noExplicitAny: `E` and `R` are inferred from `Ret`
  Ret extends Returned<Out, any, any> = Returned<Out, never, never>
>(
  name: Name,
  options: Options<In, Out, Ret>
  // Without `NoInfer`, a task declared inside a list of tasks would take what it leaves out from the list's type.
): Task<Name, NoInfer<In>, NoInfer<Out>, ErrorOf<Ret>, RequirementsOf<Ret>> => {
  const input = options.input ?? ({} as In)
  const output = options.output ?? ({} as Out)
  const mistake =
    Name.invalid("a task's name", name) ??
    first(Object.keys(input), (key) => Name.invalid(`an input of task '${name}'`, key)) ??
    first(Object.keys(output), (key) => Name.invalid(`an output of task '${name}'`, key))
  if (mistake !== undefined) throw mistake
  return {
    name,
    description: options.description,
    version: options.version,
    input,
    output,
    run: options.run as Task<Name, In, Out, ErrorOf<Ret>, RequirementsOf<Ret>>["run"]
  }
}

const first = <A, B>(items: ReadonlyArray<A>, f: (item: A) => B | undefined): B | undefined => {
  for (const item of items) {
    const found = f(item)
    if (found !== undefined) return found
  }
  return undefined
}
