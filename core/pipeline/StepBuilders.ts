/**
 * Builders of the entries of a pipeline's list other than tasks: a task under other names, a task over every item of a
 * list, a choice between two arms, tasks in parallel, a pipeline within a pipeline.
 *
 * All of them throw `InvalidName` for an invalid name and `InvalidOption` for an invalid option.
 */
import * as Schema from "effect/Schema"
import type { Field } from "../json/Value.ts"
import * as Task from "../task/Task.ts"
import { InvalidOption } from "../values/Errors.ts"
import { listed } from "../values/Failure.ts"
import * as Name from "../values/Name.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import * as ItemFailures from "./ItemFailures.ts"
import type * as Pipeline from "./Pipeline.ts"
import {
  type Any,
  type ArmName,
  combine,
  fromTask,
  inline,
  invalidEntries,
  invalidPipeline,
  type Kind,
  ownValue,
  type Step,
  type Steps,
  stepsOf
} from "./Step.ts"
import { check, constants, invalidNames, predicateProblem, unknownKey, wrongOver } from "./StepChecks.ts"
import type * as Wiring from "./Wiring.ts"

export type { ItemFailures } from "./ItemFailures.ts"
export type { Any, Arm, ArmName, Binding, Constant, Kind, Step, Steps } from "./Step.ts"

const NONE: ReadonlyArray<never> = []

// -- one step --------------------------------------------------------------------------------------------------------

/** New names for the keys of a task. */
export type Names<F> = { readonly [K in keyof F]?: string }

/** Fixed values for some inputs of a task. */
export type Constants<F> = { readonly [K in keyof F]?: Wiring.Decoded<F[K]> }

/**
 * The name of a step, and the names of its values in the pipeline. `I` and `O` rename the inputs `In` and the outputs
 * `Out`, `C` are the inputs with a fixed value.
 */
export interface StepPlacement<Name extends string, I, O, C, In = I & C, Out = O> {
  /** The step's name. Default: the task's. */
  readonly name?: Name
  /** The names of its inputs in the pipeline. Default: the names in the task. */
  readonly inputs?: I & Wiring.Known<I, In>
  /** The names of its outputs in the pipeline. Default: the names in the task. */
  readonly outputs?: O & Wiring.Known<O, Out>
  /** The inputs with a fixed value. */
  readonly constants?: C & Wiring.Known<C, In>
}

/** How a step runs its task for the items of lists. */
export interface ListOptions<Over, In = Over> {
  /** The inputs that get the items of a list, each with the list's name: `{ page: "pages" }`. Of several lists, every combination. */
  readonly over: Over & Wiring.Known<Over, In>
  /** How many units of work may run at once, over all workers. At least 1. Default: unlimited. */
  readonly concurrency?: number
  /** How many items one unit of work has. At least 1. Default: 1. */
  readonly chunk?: number
}

/**
 * A step with another name than its task, other names for its values, or fixed inputs; needed to use a task twice in one
 * pipeline. Throws `InvalidName` and `InvalidOption`.
 */
export const make = <
  T extends Task.Any,
  const Name extends string = T["name"],
  const I extends Names<T["input"]> = {},
  const O extends Names<T["output"]> = {},
  const C extends Constants<T["input"]> = {}
>(
  task: T,
  options: StepPlacement<Name, I, O, C, T["input"], T["output"]> = {}
): Steps<
  NoInfer<Name>,
  Wiring.Renamed<Omit<T["input"], keyof C>, I>,
  Wiring.Renamed<T["output"], O>,
  Wiring.ErrorOf<readonly [T]>,
  Wiring.RequirementsOf<readonly [T]>
> => single(build(task, "task", options))

/**
 * Runs a task for every item of a list; any worker may run any item. The outputs are lists in the order of the items, not
 * of their completion. A failed item fails the step, and the error names the item, unless `onItemFailure` says otherwise.
 */
export const map = <
  T extends Task.Any,
  const Over extends Names<T["input"]>,
  const Name extends string = T["name"],
  const I extends Names<T["input"]> = {},
  const O extends Names<T["output"]> = {},
  const C extends Constants<T["input"]> = {}
>(
  task: T,
  options: ListOptions<Over, T["input"]> &
    ItemFailures.ItemFailures &
    StepPlacement<Name, I, O, C, T["input"], T["output"]>
): Steps<
  NoInfer<Name>,
  Wiring.ListInputs<Omit<T["input"], keyof C>, Over, I>,
  Wiring.ListOutputs<T["output"], O>,
  Wiring.ErrorOf<readonly [T]>,
  Wiring.RequirementsOf<readonly [T]>
> => {
  const step = build(task, "map", options)
  return single({
    ...step,
    outputs: step.outputs.map((output) => ({ ...output, field: listOf(output.field), optional: false }))
  })
}

/**
 * Keeps the items of a list for which a task with one Boolean output returns true. A failed item fails the step, unless
 * `onItemFailure` says otherwise.
 */
export const filter = <
  T extends Task.Any,
  const Over extends Names<T["input"]>,
  const Output extends string,
  const Name extends string = T["name"],
  const I extends Names<T["input"]> = {},
  const C extends Constants<T["input"]> = {}
>(
  task: T & Wiring.Predicate<T>,
  options: ListOptions<Over & Wiring.OneKey<Over>, T["input"]> &
    ItemFailures.ItemFailures &
    Omit<StepPlacement<Name, I, {}, C, T["input"], {}>, "outputs"> & {
      /** The name of the list of kept items. */
      readonly output: Output
    }
): Steps<
  NoInfer<Name>,
  Wiring.ListInputs<Omit<T["input"], keyof C>, Over, I>,
  { readonly [K in NoInfer<Output>]: Wiring.ListOf<T["input"][keyof Over]> },
  Wiring.ErrorOf<readonly [T]>,
  Wiring.RequirementsOf<readonly [T]>
> => {
  const step = build(task, "filter", options)
  check(predicateProblem(task))
  const over = Object.keys(options.over)
  check(Name.invalid(`the output of step '${step.name}'`, options.output))
  const [key] = over as [string]
  return single({
    ...step,
    outputs: [{ key, value: options.output, field: listOf(task.input[key]), optional: false }]
  })
}

/**
 * Folds a list into one value or several, item by item, in order. Every output of the task is one of its inputs too: the
 * outputs for one item are inputs for the next. An empty list gives `initial`. The first item that fails for good fails
 * the step, because the next item needs its outputs; so there is no `onItemFailure` here.
 */
export const reduce = <
  T extends Task.Any,
  const Over extends Names<T["input"]>,
  const Name extends string = T["name"],
  const I extends Names<T["input"]> = {},
  const O extends Names<T["output"]> = {},
  const C extends Constants<T["input"]> = {}
>(
  task: T & Wiring.Reducer<T>,
  options: Omit<ListOptions<Over, T["input"]>, "concurrency"> &
    StepPlacement<Name, I, O, C, T["input"], T["output"]> & {
      /** The initial value of every output. */
      readonly initial: { readonly [K in keyof T["output"]]: Wiring.Decoded<T["output"][K]> }
    }
): Steps<
  NoInfer<Name>,
  Wiring.ListInputs<Omit<T["input"], keyof C | keyof T["output"]>, Over, I>,
  Wiring.Renamed<T["output"], O>,
  Wiring.ErrorOf<readonly [T]>,
  Wiring.RequirementsOf<readonly [T]>
> => {
  const step = build(task, "reduce", options)
  const accumulators = new Set(Object.keys(task.output))
  const isReducer = accumulators.size > 0 && [...accumulators].every((key) => Object.hasOwn(task.input, key))
  if (!isReducer) {
    const expected = "a task whose every output is one of its inputs too"
    throw new InvalidOption(`task of step '${step.name}'`, task.name, expected)
  }
  const what = `initial of step '${step.name}'`
  check(OptionCheck.required(OptionCheck.record, what, options.initial))
  check(unknownKey(what, task, "output", options.initial))
  const initial = constants(what, task.output, options.initial)
  const missing = [...accumulators].find((key) => !initial.some((constant) => constant.key === key))
  if (missing !== undefined) {
    const message = `${what} has no value for output '${missing}'`
    throw new InvalidOption(what, options.initial, "a value for every output", message)
  }
  return single({ ...step, inputs: step.inputs.filter(({ key }) => !accumulators.has(key)), initial })
}

// -- several steps ---------------------------------------------------------------------------------------------------

/**
 * Runs the steps of the arm `yes` or of the arm `no`; a task with one Boolean output decides. Each arm is a small
 * pipeline: values that its steps pass to each other are private to the arm, and outputs that none of them takes are
 * outputs of the branch. An output of both arms is always present; an output of one arm is optional. The steps of the
 * other arm are SKIPPED.
 */
export const branch = <
  T extends Task.Any,
  const Yes extends Wiring.Tasks,
  const No extends Wiring.Tasks = readonly [],
  const Name extends string = T["name"],
  const I extends Names<T["input"]> = {},
  const C extends Constants<T["input"]> = {}
>(
  task: T & Wiring.Predicate<T>,
  options: Omit<StepPlacement<Name, I, {}, C, T["input"], {}>, "outputs"> & {
    /** The steps that run when the task returns true. */
    readonly yes: Yes & Wiring.Check<Yes>
    /** The steps that run when it returns false. Default: none. */
    readonly no?: No & Wiring.Check<No>
  }
): Steps<
  Wiring.NameOf<NoInfer<Name>, readonly [...Yes, ...No]>,
  Wiring.MergedInputs<[Steps<Name, Wiring.Renamed<Omit<T["input"], keyof C>, I>, {}>, ArmInputs<Yes>, ArmInputs<No>]>,
  Wiring.Either<Wiring.Outputs<Yes>, Wiring.Outputs<No>>,
  Wiring.ErrorOf<readonly [T, ...Yes, ...No]>,
  Wiring.RequirementsOf<readonly [T, ...Yes, ...No]>
> => {
  const { outputs: _, ...step } = build(task, "branch", options)
  check(
    predicateProblem(task),
    invalidEntries(`yes of step '${step.name}'`, options.yes),
    options.no === undefined ? undefined : invalidEntries(`no of step '${step.name}'`, options.no)
  )
  const choice: Step = { ...step, outputs: NONE }
  const arm = (name: ArmName, entries: Wiring.Tasks = NONE): ReadonlyArray<Step> =>
    inline(`${step.name}.${name}`, entries.flatMap(stepsOf), { within: [{ branch: step.name, arm: name }] })
  return combine(step.name, [
    choice,
    ...arm("yes", options.yes as Wiring.Tasks),
    ...arm("no", options.no as Wiring.Tasks | undefined)
  ])
}

type ArmInputs<Ts extends Wiring.Tasks> = Steps<string, Wiring.Inputs<Ts>, {}>

/** Runs tasks in parallel, each with one output, and makes one list of their outputs, in the order of the tasks. */
export const group = <
  const Name extends string,
  const Ts extends ReadonlyArray<Task.Any>,
  const Output extends string = Name
>(
  name: Name,
  tasks: Ts & Wiring.Singles<Ts>,
  options: {
    /** The name of the list of outputs. Default: the group's name. */
    readonly output?: Output
  } = {}
): Steps<
  Wiring.NameOf<NoInfer<Name>, Ts>,
  Wiring.MergedInputs<Ts>,
  { readonly [K in NoInfer<Output>]: Wiring.Typed<Wiring.Results<Ts>> },
  Wiring.ErrorOf<Ts>,
  Wiring.RequirementsOf<Ts>
> => {
  check(Name.invalid("a group's name", name))
  const what = `tasks of group '${name}'`
  check(
    OptionCheck.required(OptionCheck.list, what, tasks, "an array of tasks") ??
      OptionCheck.first(tasks as ReadonlyArray<unknown>, (task, at) => Task.invalid(`${what}[${at}]`, task)),
    OptionCheck.required(OptionCheck.record, `options of group '${name}'`, options)
  )
  const members = (tasks as ReadonlyArray<Task.Any>).map((task, at) =>
    fromTask(
      task,
      `${name}.${at}.${task.name}`,
      (key) => key,
      (key) => `${name}.${at}.${key}`
    )
  )
  return combine(name, gathered(name, members, options.output === undefined ? name : options.output))
}

/** The members of a group, and the step that makes one list of their outputs. */
export const gathered = (name: string, members: ReadonlyArray<Step>, output: string): ReadonlyArray<Step> => {
  check(Name.invalid("a group's name", name), Name.invalid(`the output of group '${name}'`, output))
  if (members.length === 0) throw new InvalidOption(`tasks of group '${name}'`, members, "at least one task")
  const fields = members.map((member) => {
    const [only, ...others] = member.outputs
    if (only === undefined || others.length > 0 || only.optional) {
      throw new InvalidOption(
        `task of group '${name}'`,
        member.task.name,
        "a task with exactly one output, a required one"
      )
    }
    return only
  })
  const task = Task.make("gather", {
    description: `Makes one list of the outputs of ${listed(members.map((member) => member.task.name))}`,
    input: Object.fromEntries(fields.map(({ field }, at) => [String(at), field])),
    output: { all: Schema.Tuple(fields.map(({ field }) => field)) as unknown as Field },
    run: (inputs) => ({ all: fields.map((_, at) => (inputs as Record<string, unknown>)[String(at)]) as never })
  })
  const gathering = fromTask(
    { ...task, isOwn: true },
    name,
    (key) => fields[Number(key)]!.value,
    () => output
  )
  return [...members, gathering].map((step) => ({ ...step, boxes: [{ kind: "group", name }] }))
}

/**
 * Includes the steps of a pipeline in another pipeline. Its parameters become inputs and its results become outputs; all
 * other values are private to it. It has no run of its own: its steps fail, time out and are limited as steps of the
 * outer pipeline, and its own options do not apply.
 */
export const nest = <
  P extends Pipeline.Any,
  const Name extends string = P["id"],
  const I extends Names<Wiring.ParameterFields<P>> = {},
  const O extends Names<Wiring.ResultFields<P>> = {}
>(
  pipeline: P,
  options: Omit<StepPlacement<Name, I, O, {}, Wiring.ParameterFields<P>, Wiring.ResultFields<P>>, "constants"> = {}
): Steps<
  string extends keyof Pipeline.OutputsOf<P> ? string : NoInfer<Name>,
  Wiring.Renamed<Wiring.ParameterFields<P>, I>,
  Wiring.Renamed<Wiring.ResultFields<P>, O>,
  Pipeline.ErrorOf<P>,
  Pipeline.RequirementsOf<P>
> => {
  check(
    invalidPipeline("pipeline of Step.nest", pipeline),
    OptionCheck.required(OptionCheck.record, "options of Step.nest", options)
  )
  const { name = pipeline.id as unknown as Name, inputs, outputs } = options
  check(Name.invalid("a step's name", name))
  check(...invalidNames(`step '${name}'`, { inputs, outputs }))
  return combine(name, inline(name, pipeline.steps, { inputs, outputs, boxes: [{ kind: "pipeline", name }] }))
}

// -- checking and building a step ------------------------------------------------------------------------------------

interface AnyOptions
  extends StepPlacement<string, object, object, object>,
    Partial<ListOptions<object>>,
    ItemFailures.ItemFailures {}

const build = (task: Task.Any, kind: Kind, options: AnyOptions): Step => {
  check(Task.invalid(`task of Step.${kind === "task" ? "make" : kind}`, task))
  check(OptionCheck.required(OptionCheck.record, `options of step '${task.name}'`, options))
  const { name = task.name, inputs = {}, outputs = {}, constants: fixed = {}, over = {}, concurrency, chunk } = options
  check(Name.invalid("a step's name", name))
  const where = `step '${name}'`
  check(...invalidNames(where, { inputs, outputs, over }), OptionCheck.record(`constants of ${where}`, fixed))
  const keys = Object.keys(over)
  check(
    OptionCheck.integer(`concurrency of ${where}`, concurrency, 1),
    OptionCheck.integer(`chunk of ${where}`, chunk, 1),
    ItemFailures.invalid(where, kind, options),
    ...Object.entries({ inputs, over, constants: fixed }).map(([place, keyed]) =>
      unknownKey(`${place} of ${where}`, task, "input", keyed)
    ),
    unknownKey(`outputs of ${where}`, task, "output", outputs),
    wrongOver(where, kind, over)
  )
  const step = fromTask(
    task,
    name,
    (key) => ownValue(over, key) ?? ownValue(inputs, key) ?? key,
    (key) => ownValue(outputs, key) ?? key
  )
  return {
    ...step,
    kind,
    inputs: step.inputs
      .filter(({ key }) => !Object.hasOwn(fixed, key))
      .map((input) => (keys.includes(input.key) ? { ...input, field: listOf(input.field), optional: false } : input)),
    constants: constants(`constants of ${where}`, task.input, fixed),
    over: keys,
    concurrency: kind === "reduce" ? 1 : concurrency,
    chunk: chunk === 1 ? undefined : chunk,
    onItemFailure: options.onItemFailure ?? "fail",
    toleratedItemFailures: options.toleratedItemFailures
  }
}

const listOf = (field: Field): Field => Schema.Array(field as Schema.Codec<unknown, unknown>) as unknown as Field

const single = <S extends Any>(step: Step): S => combine(step.name, [step])
