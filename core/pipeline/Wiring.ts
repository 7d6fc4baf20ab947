/**
 * Checks at compile time that the inputs and outputs of tasks fit, and computes the types of a pipeline's parameters and
 * results. Types only. A mistake becomes a string type: a sentence that names the task and the key.
 */

import type * as Task from "../task/Task.ts"
import type * as Pipeline from "./Pipeline.ts"
import type * as Step from "./Step.ts"

/** The tasks and steps of one pipeline. */
export type Tasks = ReadonlyArray<Task.Any | Step.Any>

type Keys<F> = keyof F & string

// The part of a task that these types read. With whole tasks, the compiler would expand every schema at each comparison.
interface Shape {
  readonly name: string
  readonly input: object
  readonly output: object
}

/** The decoded type of a field, which tasks see. */
export type Decoded<F> = F extends { readonly Type: infer Type } ? Type : never

/** A field with only a type and its optionality. */
export interface Typed<Type, Optional extends boolean = false> {
  readonly Type: Type
  readonly "~encoded.optionality": Optional extends true ? "optional" : "required"
}

// Resolves the keys of a mapped type once; for a type with an `as` clause the compiler would collect them at each use.
type Simplify<A> = { [K in keyof A]: A[K] } & {}

/** One output of one task. */
interface Product<Key, Name, Type, Optional> {
  readonly key: Key
  readonly task: Name
  readonly type: Type
  readonly optional: Optional
}

type OptionalOutput<F> = F extends { readonly "~encoded.optionality": "optional" } ? true : false

type Products<T> = T extends Shape
  ? {
      [K in Keys<T["output"]>]: Product<K, T["name"], Decoded<T["output"][K]>, OptionalOutput<T["output"][K]>>
    }[Keys<T["output"]>]
  : never

/** Every output by name. The value for an output of two tasks is the union of both products. */
type Produced<Ts extends Tasks> = Simplify<{ [P in Products<Ts[number]> as P["key"]]: P }>

interface Use<Key, Type, Optional> {
  readonly key: Key
  // A function, so that inferring from several uses of one key gives the intersection of their types.
  readonly take: (value: Type) => void
  readonly optional: Optional
}

type Uses<T> = T extends Shape
  ? {
      [K in Keys<T["input"]>]: Use<K, Decoded<T["input"][K]>, OptionalOutput<T["input"][K]>>
    }[Keys<T["input"]>]
  : never

type Used<Ts extends Tasks> = Simplify<{ [U in Uses<Ts[number]> as U["key"]]: U }>

type Taken<U> = [U] extends [{ readonly take: (value: infer Type) => void }] ? Type : never

type Required<U> = [U] extends [{ readonly optional: true }] ? false : true

type ParametersOf<Us, Ps> = Simplify<
  {
    readonly [K in keyof Us as K extends keyof Ps ? never : Required<Us[K]> extends true ? K : never]: Taken<Us[K]>
  } & {
    readonly [K in keyof Us as K extends keyof Ps ? never : Required<Us[K]> extends true ? never : K]?: Taken<Us[K]>
  }
>

/** The parameters of a run: every input that no task of the pipeline produces. */
export type Parameters<Ts extends Tasks> =
  Dynamic<Ts> extends true ? Readonly<Record<string, unknown>> : ParametersOf<Used<Ts>, Produced<Ts>>

type IsOne<K, All = K> = [K] extends [never] ? false : K extends unknown ? ([All] extends [K] ? true : false) : false

type Terminal<Us, Ps> = Exclude<keyof Ps, keyof Us>

type ValueOf<P> = P extends { readonly type: infer Type } ? Type : never

type MayLack<P> = P extends { readonly optional: true } ? true : false

type OutputsOf<Us, Ps> = Simplify<
  {
    readonly [K in Terminal<Us, Ps> & keyof Ps as true extends MayLack<Ps[K]> ? never : K]: ValueOf<Ps[K]>
  } & {
    readonly [K in Terminal<Us, Ps> & keyof Ps as true extends MayLack<Ps[K]> ? K : never]?: ValueOf<Ps[K]>
  }
>

/** The outputs that no task takes, by name. */
export type Outputs<Ts extends Tasks> =
  Dynamic<Ts> extends true ? Readonly<Record<string, unknown>> : OutputsOf<Used<Ts>, Produced<Ts>>

/** The result of a run: the one output that no task takes, or a record when there are several. */
export type Result<Outs> = string extends keyof Outs
  ? unknown
  : IsOne<keyof Outs> extends true
    ? Outs[keyof Outs]
    : Outs

/** The error type of an entry's Effects. */
type Failure<T> =
  T extends Task.Task<infer _N, infer _I, infer _O, infer E, infer _R>
    ? E
    : T extends Step.Steps<infer _N, infer _I, infer _O, infer E, infer _R>
      ? E
      : never

/** The error type of the tasks' Effects. */
export type ErrorOf<Ts extends Tasks> = Ts[number] extends infer T ? Failure<T> : never

/** The services of an entry's Effects. */
type Requirements<T> =
  T extends Task.Task<infer _N, infer _I, infer _O, infer _E, infer R>
    ? R
    : T extends Step.Steps<infer _N, infer _I, infer _O, infer _E, infer R>
      ? R
      : never

/** The services that the tasks' Effects need. */
export type RequirementsOf<Ts extends Tasks> = Ts[number] extends infer T ? Requirements<T> : never

/** Whether the names are known only at run time; then the checks happen at run time too. */
type Dynamic<Ts extends Tasks> = string extends Ts[number]["name"] ? true : false

type Duplicated<T extends Shape, Ps> = {
  [K in Keys<T["output"]>]: K extends keyof Ps
    ? Exclude<TaskOf<Ps[K]>, T["name"]> extends infer Other
      ? [Other] extends [never]
        ? never
        : `Output '${K}' of task '${T["name"]}' is produced by task '${Other & string}' too`
      : never
    : never
}[Keys<T["output"]>]

type TaskOf<P> = P extends { readonly task: infer Name } ? Name & string : never

type Misfit<T extends Shape, K extends string, Use, P> = [TaskOf<P>] extends [T["name"]]
  ? `Task '${T["name"]}' takes its own output '${K}' as an input`
  : [ValueOf<P>] extends [Decoded<Use>]
    ? P extends { readonly optional: true }
      ? OptionalOutput<Use> extends true
        ? never
        : `Input '${K}' of task '${T["name"]}' is required, but task '${TaskOf<P>}' may leave its output '${K}' out`
      : never
    : `Input '${K}' of task '${T["name"]}' has another type than output '${K}' of task '${TaskOf<P>}'`

type Misfits<T extends Shape, Ps, Us> = {
  [K in Keys<T["input"]>]: K extends keyof Ps
    ? Misfit<T, K, T["input"][K], Ps[K]>
    : K extends keyof Us
      ? [Taken<Us[K]>] extends [never]
        ? `Parameter '${K}' of task '${T["name"]}' has another type in another task`
        : never
      : never
}[Keys<T["input"]>]

type Mistakes<T extends Shape, Ps, Us> = Duplicated<T, Ps> | Misfits<T, Ps, Us>

type CheckOne<T, Ps, Us> = T extends Shape ? ([Mistakes<T, Ps, Us>] extends [never] ? T : Mistakes<T, Ps, Us>) : T

/** The name of steps that contain other entries: `string` when the names of these are known only at run time. */
export type NameOf<Name extends string, Ts extends Tasks> = Dynamic<Ts> extends true ? string : Name

/** The list itself when it fits; otherwise, each task with a mistake is replaced by the sentence about the mistake. */
export type Check<Ts extends Tasks> =
  Dynamic<Ts> extends true ? Ts : { readonly [I in keyof Ts]: CheckOne<Ts[I], Produced<Ts>, Used<Ts>> }

// -- steps -----------------------------------------------------------------------------------------------------------

type Rename<K, Names> = K extends keyof Names ? Names[K] & string : K & string

/** Fields under other names. */
export type Renamed<F, Names> = { readonly [K in keyof F & string as Rename<K, Names>]: F[K] }

/** The field of a list of a field's values. */
export type ListOf<F> = Typed<ReadonlyArray<Decoded<F>>>

/** The inputs of a map, filter or reduce: lists for the keys in `Over`, the task's own fields for the others. */
export type ListInputs<F, Over, Names> = {
  readonly [K in keyof F & string as Rename<K, K extends keyof Over ? Over : Names>]: K extends keyof Over
    ? ListOf<F[K]>
    : F[K]
}

/** The outputs of a map: a list of each output of the task. */
export type ListOutputs<F, Names> = { readonly [K in keyof F & string as Rename<K, Names>]: ListOf<F[K]> }

/** Checks that a task has exactly one output, a boolean. */
export type Predicate<T extends Shape> =
  IsOne<keyof T["output"]> extends true
    ? [Decoded<T["output"][keyof T["output"]]>] extends [boolean]
      ? unknown
      : `Output '${keyof T["output"] & string}' of task '${T["name"]}' must be a boolean`
    : `Task '${T["name"]}' needs exactly one output, a boolean`

/** Checks that a record has exactly one key. */
export type OneKey<Over> = IsOne<keyof Over> extends true ? unknown : "A filter needs exactly one list"

type Unfit<T extends Shape> = {
  [K in Keys<T["output"]>]: K extends keyof T["input"]
    ? [Decoded<T["output"][K]>] extends [Decoded<T["input"][K]>]
      ? never
      : `Output '${K}' of task '${T["name"]}' has another type than its input '${K}'`
    : `Output '${K}' of task '${T["name"]}' is not one of its inputs`
}[Keys<T["output"]>]

/** Checks that every output of a task is one of its inputs too. */
export type Reducer<T extends Shape> = [Unfit<T>] extends [never] ? unknown : Unfit<T>

type Single<T> = T extends Shape
  ? IsOne<keyof T["output"]> extends true
    ? T
    : `Task '${T["name"]}' needs exactly one output`
  : T

/** Checks that each task has exactly one output. */
export type Singles<Ts extends Tasks> = { readonly [I in keyof Ts]: Single<Ts[I]> }

/** The outputs of tasks with one output each, in the order of the tasks. */
export type Results<Ts extends Tasks> = {
  readonly [I in keyof Ts]: Ts[I] extends Shape ? Decoded<Ts[I]["output"][keyof Ts[I]["output"]]> : never
}

type FieldsOf<Us> = { readonly [K in keyof Us]: Typed<Taken<Us[K]>, Required<Us[K]> extends true ? false : true> }

/** The inputs of entries that pass no values to each other. */
export type MergedInputs<Ts extends Tasks> = FieldsOf<Used<Ts>>

/** The inputs of a list of entries that none of them produces. */
export type Inputs<Ts extends Tasks> =
  Used<Ts> extends infer Us ? FieldsOf<{ [K in keyof Us as K extends keyof Produced<Ts> ? never : K]: Us[K] }> : never

/** The outputs of a branch: required when both arms have them, otherwise optional. */
export type Either<A, B> = Simplify<{
  readonly [K in keyof A | keyof B]: Typed<
    (K extends keyof A ? Exclude<A[K], undefined> : never) | (K extends keyof B ? Exclude<B[K], undefined> : never),
    K extends keyof A & keyof B ? ({} extends Pick<A, K> ? true : {} extends Pick<B, K> ? true : false) : true
  >
}>

type FieldsOfRecord<A> = {
  readonly [K in keyof A]-?: {} extends Pick<A, K> ? Typed<Exclude<A[K], undefined>, true> : Typed<A[K]>
}

/** The parameters of a pipeline as fields. */
export type ParameterFields<P> = FieldsOfRecord<Pipeline.ParametersOf<P>>

/** The results of a pipeline as fields. */
export type ResultFields<P> = FieldsOfRecord<Pipeline.OutputsOf<P>>

// -- links of a chain ------------------------------------------------------------------------------------------------

type RequiredKeys<F, Fixed> = {
  [K in keyof F]: K extends keyof Fixed ? never : OptionalOutput<F[K]> extends true ? never : K
}[keyof F]

/** The inputs that are not fixed: the required ones, or all of them when none is required. */
type Free<F, Fixed> = [RequiredKeys<F, Fixed>] extends [never] ? Exclude<keyof F, keyof Fixed> : RequiredKeys<F, Fixed>

/** The type of the one output. */
export type Only<F> = Decoded<F[keyof F]>

/** The type of a list's items. */
export type Item<A> = A extends ReadonlyArray<infer Each> ? Each : { readonly "a list": never }

/** Checks that a task has one output, and exactly one input that is not fixed, which accepts `Now`. */
export type Link<T extends Shape, Fixed, Now> =
  IsOne<keyof T["output"]> extends true
    ? IsOne<Free<T["input"], Fixed>> extends true
      ? [Now] extends [Decoded<T["input"][Free<T["input"], Fixed>]>]
        ? unknown
        : `Input '${Free<T["input"], Fixed> & string}' of task '${T["name"]}' has another type than the value before it`
      : `Task '${T["name"]}' needs exactly one input that is not fixed`
    : `Task '${T["name"]}' needs exactly one output`

/** `Link` for several tasks. */
export type Links<Ts extends Tasks, Now> = {
  readonly [I in keyof Ts]: Ts[I] extends Shape
    ? Link<Ts[I], {}, Now> extends infer Problem
      ? unknown extends Problem
        ? Ts[I]
        : Problem
      : never
    : never
}

/** Refuses keys that `F` does not have. */
export type Known<C, F> = { readonly [K in Exclude<keyof C, keyof F>]: never }
