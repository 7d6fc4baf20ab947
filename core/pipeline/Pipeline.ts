/** The type of pipelines: an id, steps and their Dag. Valid by construction. */
import type * as Result from "effect/Result"
import type { Field, Json } from "../json/Value.ts"
import type { InvalidOption, ParametersInvalid } from "../values/Errors.ts"
import type * as Policy from "../values/Policy.ts"
import type * as Dag from "./Dag.ts"
import type * as Plan from "./Plan.ts"
import type * as Step from "./Step.ts"

/** `dataflow` binds inputs to outputs by name; `sequential` passes each step's outputs to the next step. */
export type Kind = "dataflow" | "sequential"

/** A parameter: an input that no step produces, so the start of a run gives its value. */
export interface Parameter {
  readonly name: string
  /** Whether it is optional for every step that takes it. */
  readonly optional: boolean
  /** The steps that take it, each with its own schema. */
  readonly consumers: ReadonlyArray<{ readonly step: string; readonly field: Field }>
}

/**
 * A runnable graph of steps. `Outputs` is the record of its results; `Result` is the same record, or the value alone when
 * there is only one. `E` and `R` are the errors and requirements of the tasks' Effects.
 */
export interface Pipeline<
  Id extends string = string,
  Params = unknown,
  Result = unknown,
  E = unknown,
  R = unknown,
  Outputs = unknown
> {
  readonly id: Id
  readonly kind: Kind
  /** In order of registration. */
  readonly steps: ReadonlyArray<Step.Step>
  readonly dag: Dag.Dag
  readonly parameters: ReadonlyArray<Parameter>
  /** The outputs that no step takes: the result of a run. */
  readonly results: ReadonlyArray<Step.Binding>
  /** The plan of a run, for a Store. */
  readonly plan: Plan.Plan
  /** The plan of a partial run. */
  planOf(part: Plan.Part): Plan.Plan
  /** A hash of its structure and of its tasks' versions and schemas; the order of registration does not matter. */
  readonly version: string
  readonly options: Options
  /** Encodes parameters as JSON text, for example to send them to a server. Fails with `ParametersInvalid`. */
  encode(parameters: unknown): Result.Result<Json, ParametersInvalid>
  /** Decodes a result from parsed JSON. Fails with `InvalidOption` when its types differ. */
  decode(result: unknown): Result.Result<unknown, InvalidOption>
  /** Types only; no such property exists. */
  readonly "~types"?: {
    readonly parameters: (parameters: Params) => void
    readonly result: Result
    readonly error: E
    readonly requirements: R
    readonly outputs: Outputs
  }
}

/** Any pipeline. */
// biome-ignore lint/suspicious/noExplicitAny: variance; `unknown` would not accept concrete parameters
export type Any = Pipeline<string, any, any, any, any, any>

interface Known<P> {
  readonly "~types"?: P
}

type TypesOf<P> = P extends Known<infer Types> ? NonNullable<Types> : never

/** The parameters of a run of a pipeline. */
export type ParametersOf<P> =
  TypesOf<P> extends { readonly parameters: (parameters: infer Params) => void } ? Params : never

/** The result of a run of a pipeline. */
export type ResultOf<P> = TypesOf<P> extends { readonly result: infer Result } ? Result : never

/** The results of a run of a pipeline, by name. */
export type OutputsOf<P> = TypesOf<P> extends { readonly outputs: infer Outputs } ? Outputs : never

/** The errors of the Effects of a pipeline's tasks. */
export type ErrorOf<P> = TypesOf<P> extends { readonly error: infer E } ? E : never

/** The services that a pipeline's tasks need. */
export type RequirementsOf<P> = [P] extends [never]
  ? never
  : TypesOf<P> extends { readonly requirements: infer R }
    ? R
    : never

/** The options of a pipeline. */
export interface Options {
  /** How long a run may take, from the instant at which it may start, in milliseconds. Default: unlimited. */
  readonly timeoutMillis?: number
  /** What happens to a run when one of its steps fails for good. Default: `fail-fast`. */
  readonly onFailure?: Policy.Policy
  /** How much may run at once, over all workers. Default: no limits. */
  readonly limit?: {
    /** The most active runs; further runs wait. At least 1. */
    readonly runs?: number
    /** The most running steps and items of steps, over all its runs. At least 1. */
    readonly steps?: number
  }
}
