/**
 * What the compiler says about a list of tasks: whether their inputs and outputs fit, and what the pipeline takes and
 * gives. Types only; a mistake becomes a sentence that names the task and the key.
 */
import type * as Task from "./Task.ts"

/** The tasks of one pipeline. */
export type Tasks = ReadonlyArray<Task.Any>

type Keys<F> = keyof F & string

// What is read of a task in here. Comparing whole tasks would have the compiler expand every schema again and again.
interface Shape {
  readonly name: string
  readonly input: object
  readonly output: object
}

type Decoded<F> = F extends { readonly Type: infer Type } ? Type : never

// Also makes the keys of a mapped type known for good; with an `as` clause the compiler collects them at every use.
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

/** Every output by name; an output of two tasks has a union of products. */
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

type ResultOf<Us, Ps> =
  IsOne<Terminal<Us, Ps>> extends true
    ? ValueOf<Ps[Terminal<Us, Ps> & keyof Ps]>
    : { readonly [K in Terminal<Us, Ps> & keyof Ps]: ValueOf<Ps[K]> }

/** The result of a run: the one output that nothing takes, or a record of them when there are several. */
export type Result<Ts extends Tasks> = Dynamic<Ts> extends true ? unknown : ResultOf<Used<Ts>, Produced<Ts>>

/** The errors of the tasks' Effects. */
export type ErrorOf<Ts extends Tasks> = Ts[number] extends infer T
  ? T extends Task.Task<infer _N, infer _I, infer _O, infer E, infer _R>
    ? E
    : never
  : never

/** The services that the tasks' Effects need. */
export type RequirementsOf<Ts extends Tasks> = Ts[number] extends infer T
  ? T extends Task.Task<infer _N, infer _I, infer _O, infer _E, infer R>
    ? R
    : never
  : never

/** Whether names are only known at run time; then the checks happen there. */
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

/** The list itself when it fits; otherwise, in place of each task with a mistake, the sentence that says which. */
export type Check<Ts extends Tasks> =
  Dynamic<Ts> extends true ? Ts : { readonly [I in keyof Ts]: CheckOne<Ts[I], Produced<Ts>, Used<Ts>> }
