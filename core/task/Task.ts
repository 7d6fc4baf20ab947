/** A task: a named function from named inputs to named outputs, each with a Schema. */
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { type Fields, isField } from "../json/Value.ts"
import { type InvalidName, InvalidOption } from "../values/Errors.ts"
import * as Limit from "../values/Limit.ts"
import * as Name from "../values/Name.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import * as Retry from "./Retry.ts"
import type { TaskContext } from "./TaskContext.ts"
import { Threads } from "./Threads.ts"

export { Fatal } from "../values/Errors.ts"
export type { TaskContext } from "./TaskContext.ts"

/** The decoded inputs of a task. An optional input without a value is absent. */
export type Inputs<In extends Fields> = Schema.Struct.Type<In>

/** The record that a task returns, with one value for each output. */
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
  /** The version of the task's code. Part of every pipeline's version, so a worker with another version gets none of its steps. */
  readonly version: string | undefined
  readonly input: In
  readonly output: Out
  /** Whether and when a failed attempt is repeated; never when undefined. */
  readonly retry: Retry.Retry | undefined
  /** How long an attempt may take, in milliseconds; unlimited when undefined. */
  readonly timeoutMillis: number | undefined
  /** The absolute URL of the module that runs in a thread; undefined for a task that runs in the main thread. */
  readonly thread: string | undefined
  readonly limit: KeyLimit | undefined
  readonly memo: Memo | undefined
  /** True for the task that gathers the results of a group: Levada makes it, and other pipelines can't use it by name. */
  readonly isOwn: boolean
  // Method syntax is bivariant: a task of concrete types must be assignable to `Any`.
  run(inputs: Inputs<In>, context: TaskContext): Returned<Out, E, R>
}

/** How many attempts of a task may run at once, over all workers. */
export interface KeyLimit {
  /** A fixed key, or one computed from the decoded inputs. Tasks with the same key share the limit. */
  // biome-ignore lint/suspicious/noExplicitAny: `Options` types the inputs
  readonly key: string | ((inputs: any) => string)
  /** At least 1. */
  readonly max: number
}

/** The reuse of a task's earlier outputs for the same inputs. */
export interface Memo {
  /** How long outputs are reused, in milliseconds. 0: until the Store needs the room. */
  readonly ttlMillis: number
}

/** Any task. */
// biome-ignore lint/suspicious/noExplicitAny: variance; `unknown` would not accept concrete requirements
export type Any = Task<string, any, any, any, any>

/** The error of the Effect that a `run` returns; never for values and Promises. */
export type ErrorOf<Ret> = Ret extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

/** The services that the Effect of a `run` needs; never for values and Promises. */
export type RequirementsOf<Ret> = Ret extends Effect.Effect<infer _A, infer _E, infer R> ? R : never

/** The options of every task. */
interface Declaration<In extends Fields, Out extends Fields> {
  /** The schemas of its inputs, by name. `Schema.optionalKey` makes an input optional. Default: no inputs. */
  readonly input?: In
  /** The schemas of its outputs, by name. Default: no outputs. */
  readonly output?: Out
  /** One sentence for people; shown by `/visualize`. */
  readonly description?: string
  /** The version of its code, 0 to 200 characters. Change it when the code does something else. Default: none. */
  readonly version?: string
  /** Whether and when a failed attempt is repeated; a number is the most retries. Default: never. */
  readonly retry?: Retry.Retry | number
  /**
   * How long an attempt may take, in milliseconds; then it is interrupted and fails. For a task with `thread`, the time
   * begins when a thread starts the call. Default: unlimited.
   */
  readonly timeoutMillis?: number
  /** How many attempts may run at once under a key, over all workers. Default: no limit. */
  readonly limit?: {
    /** A fixed key, or one computed from the decoded inputs. Tasks with the same key share the limit. Default: the task's name. */
    readonly key?: string | ((inputs: Inputs<In>) => string)
    /** At least 1. */
    readonly max: number
  }
  /**
   * Reuses the outputs of an earlier attempt with the same inputs, instead of running the task. Attempts with the same
   * inputs at the same time become one. Failures are not reused. A task with a `version` shares its outputs over all
   * pipelines. A task without one shares them only with the same step of the same pipeline, and as long as its source text
   * is the same; Levada does not see the variables that its function closes over. A task with `thread` needs a `version`
   * for this. Default: always run.
   */
  readonly memo?: Memo
}

/** The options of a task that runs in the main thread. */
export interface Options<In extends Fields, Out extends Fields, Ret> extends Declaration<In, Out> {
  readonly run: (inputs: Inputs<In>, context: TaskContext) => Ret
  readonly thread?: undefined
}

/** The options of a task that runs in a thread, so that a long computation does not block the main thread. */
export interface ThreadOptions<In extends Fields, Out extends Fields> extends Declaration<In, Out> {
  /**
   * The absolute URL of the module to run: `new URL("./resize.ts", import.meta.url)`. Its `default` export (or its export
   * `run`) is called with the decoded inputs and a context, as `run` is, and returns the record of outputs or a Promise of
   * it. Inputs and outputs are copied by structured clone: a function or an instance of a class fails the step.
   */
  readonly thread: URL | string
  readonly run?: undefined
}

/**
 * Declares a task.
 *
 * `run` gets the decoded inputs and a context, and returns the record of outputs as a value, a Promise or an Effect.
 * Instead of `run`, `thread` names a module that runs in a thread. Throws `InvalidName` for an invalid name or key, and
 * `InvalidOption` for any other invalid option.
 */
export const make = <
  const Name extends string,
  In extends Fields = {},
  Out extends Fields = {},
  // biome-ignore lint/suspicious/noExplicitAny: `E` and `R` are inferred from `Ret`
  Ret extends Returned<Out, any, any> = Returned<Out, never, never>
>(
  name: Name,
  options: Options<In, Out, Ret> | ThreadOptions<In, Out>
  // Without `NoInfer`, a task declared inside a list would infer its omitted options from the type of the list.
): Task<Name, NoInfer<In>, NoInfer<Out>, ErrorOf<Ret>, RequirementsOf<Ret>> => {
  const mistake =
    Name.invalid("a task's name", name) ??
    OptionCheck.required(OptionCheck.record, `options of task '${name}'`, options) ??
    wrongFields(`task '${name}'`, "input", options.input) ??
    wrongFields(`task '${name}'`, "output", options.output) ??
    wrongOption(`task '${name}'`, options)
  if (mistake !== undefined) throw mistake
  const { description, version, retry, timeoutMillis, limit, memo } = options
  const input = options.input ?? ({} as In)
  const output = options.output ?? ({} as Out)
  const thread = options.thread === undefined ? undefined : hrefOf(options.thread)
  const run = thread === undefined ? options.run : inThread(name, thread, timeoutMillis)
  return {
    name,
    description,
    version,
    input,
    output,
    retry: typeof retry === "number" ? { times: retry } : retry,
    timeoutMillis,
    thread,
    limit: limit && { key: limit.key ?? name, max: limit.max },
    memo: memo && { ttlMillis: OptionCheck.whole(memo.ttlMillis) },
    isOwn: false,
    run: run as Task<Name, In, Out, ErrorOf<Ret>, RequirementsOf<Ret>>["run"]
  }
}

/** The `run` function of a task with `thread`: calls the module in a thread. */
const inThread =
  (task: string, module: string, timeoutMillis: number | undefined) =>
  (inputs: Readonly<Record<string, unknown>>, context: TaskContext): Effect.Effect<unknown, unknown> =>
    Threads.use((threads) => threads.call({ task, module, inputs, context, timeoutMillis }))

/** The longest description, in UTF-16 units. */
const MAX_DESCRIPTION = 10_000

const wrongFields = (
  task: string,
  side: "input" | "output",
  fields: unknown
): InvalidName | InvalidOption | undefined =>
  OptionCheck.record(`${side} of ${task}`, fields, "a record of schemas") ??
  OptionCheck.first(
    Object.entries(fields ?? {}),
    ([key, field]) =>
      Name.invalid(`an ${side} of ${task}`, key) ?? OptionCheck.required(schema, `${side} '${key}' of ${task}`, field)
  )

/** Options of JavaScript callers, whose types nothing has checked. */
type Unchecked<A> = { readonly [K in keyof A]?: unknown }

const wrongOption = (
  task: string,
  { description, version, retry, timeoutMillis, limit, memo, run, thread }: Unchecked<Options<Fields, Fields, unknown>>
): InvalidOption | undefined =>
  wrongCode(task, run, thread) ??
  OptionCheck.text(`description of ${task}`, description, MAX_DESCRIPTION, 0) ??
  OptionCheck.text(`version of ${task}`, version, Name.MAX_NAME_LENGTH, 0) ??
  (retry === undefined
    ? undefined
    : Retry.invalid(`retry of ${task}`, typeof retry === "number" ? { times: retry } : retry)) ??
  OptionCheck.millis(`timeoutMillis of ${task}`, timeoutMillis, 1) ??
  (limit === undefined ? undefined : wrongLimit(`limit of ${task}`, limit)) ??
  OptionCheck.record(`memo of ${task}`, memo) ??
  (memo === undefined
    ? undefined
    : OptionCheck.required(OptionCheck.millis, `memo.ttlMillis of ${task}`, (memo as Unchecked<Memo>).ttlMillis)) ??
  // Levada does not see the source text of the module, so only a version says that the module has changed.
  (memo !== undefined && thread !== undefined && version === undefined
    ? new InvalidOption(`version of ${task}`, version, "a string, because a task with `thread` and `memo` needs one")
    : undefined)

const wrongCode = (task: string, run: unknown, thread: unknown): InvalidOption | undefined => {
  if (thread === undefined) {
    return typeof run === "function"
      ? undefined
      : new InvalidOption(`run of ${task}`, run, "a function, or `thread` instead")
  }
  if (hrefOf(thread) === undefined) {
    const expected = 'an absolute URL, such as new URL("./resize.ts", import.meta.url)'
    return new InvalidOption(`thread of ${task}`, thread, expected)
  }
  return run === undefined
    ? undefined
    : new InvalidOption(`run of ${task}`, run, "no value, because the task has a `thread`")
}

/** The href of an absolute URL; undefined for any other value. `C:\resize.ts` parses as a URL, but is a path. */
const hrefOf = (url: unknown): string | undefined => {
  const text = OptionCheck.isRecord(url) ? url["href"] : url
  if (typeof text !== "string") return undefined
  const parsed = URL.parse(text)
  return parsed === null || /^.:$/.test(parsed.protocol) ? undefined : parsed.href
}

const wrongLimit = (what: string, limit: unknown): InvalidOption | undefined => {
  const mistake = OptionCheck.record(what, limit)
  if (mistake !== undefined) return mistake
  const { key, max } = limit as Unchecked<KeyLimit>
  // Without a key the task's name is the key, and every name is a valid key. A computed key is checked at each call.
  return Limit.invalid(what, key === undefined || typeof key === "function" ? "" : key, max)
}

/** Checks that an option is a schema. */
export const schema = (option: string, value: unknown): InvalidOption | undefined =>
  value === undefined || isField(value) ? undefined : new InvalidOption(option, value, "a Schema")

/** The failure for a value that is no task; undefined for a task. */
export const invalid = (option: string, task: unknown): InvalidOption | undefined => {
  const { name, input, output, run } = (OptionCheck.isRecord(task) ? task : {}) as Partial<Any>
  return typeof name === "string" &&
    OptionCheck.isRecord(input) &&
    OptionCheck.isRecord(output) &&
    typeof run === "function"
    ? undefined
    : // In a circle of imports, a module sees the other's exports before they are initialised.
      new InvalidOption(option, task, "a task; is it undefined because of a circular import?")
}
