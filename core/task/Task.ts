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
  /** Whether and when a failed attempt is made again; never when undefined. */
  readonly retry: Retry.Retry | undefined
  /** How long an attempt may take, in milliseconds; unlimited when undefined. */
  readonly timeoutMillis: number | undefined
  /** The absolute URL of the module that runs in a thread; undefined for a task that runs in the main thread. */
  readonly thread: string | undefined
  readonly limit: KeyLimit | undefined
  readonly memo: Memo | undefined
  /** Whether it is Levada's own, made for a group; nobody can build anything else from it. */
  readonly isOwn: boolean
  // Method syntax: a task of concrete types has to fit where any task is taken.
  run(inputs: Inputs<In>, context: TaskContext): Returned<Out, E, R>
}

/** How many attempts of a task may run at once, over all workers. */
export interface KeyLimit {
  /** What is counted: one text for all, or one made of the decoded inputs. Tasks of one key share it. */
  // biome-ignore lint/suspicious/noExplicitAny: `Options` types the inputs
  readonly key: string | ((inputs: any) => string)
  /** At least 1. */
  readonly max: number
}

/** Whether a task with the same inputs is run again, or what it gave is taken. */
export interface Memo {
  /** How long what it gave is taken, in milliseconds. 0: for as long as there is room. */
  readonly ttlMillis: number
}

/** Any task. */
// biome-ignore lint/suspicious/noExplicitAny: variance; `unknown` would not accept concrete requirements
export type Any = Task<string, any, any, any, any>

/** The error of the Effect that a `run` returns; never for values and Promises. */
export type ErrorOf<Ret> = Ret extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

/** The services that the Effect of a `run` needs; never for values and Promises. */
export type RequirementsOf<Ret> = Ret extends Effect.Effect<infer _A, infer _E, infer R> ? R : never

/** How a task is declared, whatever runs it. */
interface Declaration<In extends Fields, Out extends Fields> {
  /** Named schemas of what it takes. `Schema.optionalKey` makes an input optional. Default: nothing. */
  readonly input?: In
  /** Named schemas of what it returns. Default: nothing. */
  readonly output?: Out
  /** One sentence for people; shown by `/visualize`. */
  readonly description?: string
  /** Change it when the code means something else now. */
  readonly version?: string
  /** Whether and when a failed attempt is made again; a number is how many may follow the first. Default: never. */
  readonly retry?: Retry.Retry | number
  /**
   * How long an attempt may take, in milliseconds; then it is interrupted and has failed. The time of a task with `thread`
   * begins when a thread begins it. Default: unlimited.
   */
  readonly timeoutMillis?: number
  /** How many attempts may run at once under a key, over all workers. Default: no limit. */
  readonly limit?: {
    /** One text, or one made of the decoded inputs. Tasks of one key share the limit. Default: the task's name. */
    readonly key?: string | ((inputs: Inputs<In>) => string)
    readonly max: number
  }
  /**
   * Takes what the task gave before for the same inputs, instead of running it again; runs at once with the same inputs
   * share one attempt. Failures are not kept. A task with a `version` is the same in all pipelines; one without, only in
   * its own place in its own pipeline, and for as long as its source text is the same: what it closes over is not seen.
   * A task with `thread` needs a `version` for it. Default: always run.
   */
  readonly memo?: Memo
}

/** How a task is declared whose code runs in the main thread. */
export interface Options<In extends Fields, Out extends Fields, Ret> extends Declaration<In, Out> {
  readonly run: (inputs: Inputs<In>, context: TaskContext) => Ret
  readonly thread?: undefined
}

/** How a task is declared whose code runs in a thread, so that long computations hold up nothing else. */
export interface ThreadOptions<In extends Fields, Out extends Fields> extends Declaration<In, Out> {
  /**
   * The module to run, as an absolute URL or its text: `new URL("./resize.ts", import.meta.url)`. Its `default` export (or
   * `run`) is called with the decoded inputs and a context, as `run` is, and returns the record of outputs or a Promise of
   * it. Inputs and outputs are copied by structured clone: a function or an instance of a class fails the step.
   */
  readonly thread: URL | string
  readonly run?: undefined
}

/**
 * Declares a task.
 *
 * `run` gets the decoded inputs and a context, and returns the record of outputs as a value, a Promise or an Effect. In its
 * place, `thread` names a module that runs in a thread. Throws `InvalidName` when the name or a key can't be used, and
 * `InvalidOption` for anything else that can't.
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
  // Without `NoInfer`, a task declared inside a list of tasks would take what it leaves out from the list's type.
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

/** Calls a module in a thread of the program. */
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

/** Options as JavaScript callers give them. */
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
  // Nothing else says that the module has changed: its text is not seen.
  (memo !== undefined && thread !== undefined && version === undefined
    ? new InvalidOption(`version of ${task}`, version, "a text, because a task with `thread` and `memo` needs one")
    : undefined)

const wrongCode = (task: string, run: unknown, thread: unknown): InvalidOption | undefined => {
  if (thread === undefined) {
    return typeof run === "function"
      ? undefined
      : new InvalidOption(`run of ${task}`, run, "a function; or `thread` in its place")
  }
  if (hrefOf(thread) === undefined) {
    const expected = 'an absolute URL, such as new URL("./resize.ts", import.meta.url)'
    return new InvalidOption(`thread of ${task}`, thread, expected)
  }
  return run === undefined ? undefined : new InvalidOption(`run of ${task}`, run, "nothing, as there is a `thread`")
}

/** The text of an absolute URL; nothing when it is none. `C:\resize.ts` is a path, though it parses. */
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
  // The name of a task can be a key.
  return Limit.invalid(what, key === undefined || typeof key === "function" ? "" : key, max)
}

/** A schema: what a field is. */
export const schema = (option: string, value: unknown): InvalidOption | undefined =>
  value === undefined || isField(value) ? undefined : new InvalidOption(option, value, "a Schema")

/** A task, or nothing that can stand for one. */
export const invalid = (option: string, task: unknown): InvalidOption | undefined => {
  const { name, input, output, run } = (OptionCheck.isRecord(task) ? task : {}) as Partial<Any>
  return typeof name === "string" &&
    OptionCheck.isRecord(input) &&
    OptionCheck.isRecord(output) &&
    typeof run === "function"
    ? undefined
    : // Modules that import each other see each other's exports before these are there.
      new InvalidOption(option, task, "a task; is it imported in a circle?")
}
