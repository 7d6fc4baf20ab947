/** A pipeline: an id, its steps and their Dag. Valid by construction. */
import type * as Result from "effect/Result"
import type { Field, Json } from "../json/Value.ts"
import type { InvalidOption, ParametersInvalid } from "../values/Errors.ts"
import type * as Policy from "../values/Policy.ts"
import type * as Dag from "./Dag.ts"
import type * as Plan from "./Plan.ts"
import type * as Step from "./Step.ts"

/** `dataflow` binds inputs to outputs by name; `sequential` hands each step's output to the next. */
export type Kind = "dataflow" | "sequential"

/** A value that a run has to be given because no step produces it. */
export interface Parameter {
  readonly name: string
  /** Whether every step that takes it can do without. */
  readonly optional: boolean
  /** The steps that take it, each with its own schema. */
  readonly consumers: ReadonlyArray<{ readonly step: string; readonly field: Field }>
}

/**
 * A graph of steps that can be run. `Params`, `Result`, `E`, `R` and `Outputs` are what the compiler knows of it:
 * `Outputs` are its results by name, `Result` is their record or, when there is one only, its value.
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
  /** What a Store has to know of it. */
  readonly plan: Plan.Plan
  /** The same for a run that is about a part of it. */
  planOf(part: Plan.Part): Plan.Plan
  /** A hash of its structure and of its tasks' versions and schemas; the order of registration does not matter. */
  readonly version: string
  readonly options: Options
  /** Parameters of its own types as JSON text, for a program that has them run elsewhere. */
  encode(parameters: unknown): Result.Result<Json, ParametersInvalid>
  /** The JSON of a result, parsed, as values of its own types. Fails with `InvalidOption` when it is of other types. */
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

/** What a run of a pipeline has to be given. */
export type ParametersOf<P> =
  TypesOf<P> extends { readonly parameters: (parameters: infer Params) => void } ? Params : never

/** What a run of a pipeline gives. */
export type ResultOf<P> = TypesOf<P> extends { readonly result: infer Result } ? Result : never

/** What a run of a pipeline gives, by name. */
export type OutputsOf<P> = TypesOf<P> extends { readonly outputs: infer Outputs } ? Outputs : never

/** The errors of the Effects of a pipeline's tasks. */
export type ErrorOf<P> = TypesOf<P> extends { readonly error: infer E } ? E : never

/** The services that a pipeline's tasks need. */
export type RequirementsOf<P> = [P] extends [never]
  ? never
  : TypesOf<P> extends { readonly requirements: infer R }
    ? R
    : never

/** How a pipeline is declared, besides its tasks. */
export interface Options {
  /** How long a run may take in all from when it may start, in milliseconds. Default: unlimited. */
  readonly timeoutMillis?: number
  /** What becomes of a run when one of its steps has failed. Default: `fail-fast`. */
  readonly onFailure?: Policy.Policy
  /** How much may run at once, over all workers. Default: no limits. */
  readonly limit?: {
    /** How many runs may be under way; others wait their turn. */
    readonly runs?: number
    /** How many steps, and items of steps, may run. */
    readonly steps?: number
  }
}
