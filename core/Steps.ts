/**
 * What goes into a pipeline's list besides tasks: a task under other names, a task over every item of a list, a choice
 * between two arms, several tasks side by side, a pipeline within a pipeline.
 *
 * All of them throw `InvalidName` or `InvalidOption` when something in them can't be used.
 */
import * as Schema from "effect/Schema"
import * as Bound from "./Bound.ts"
import { InvalidOption } from "./Errors.ts"
import { listed } from "./Failure.ts"
import * as ItemFailures from "./ItemFailures.ts"
import * as Name from "./Name.ts"
import type * as Pipeline from "./Pipeline.ts"
import {
  type Any,
  type ArmName,
  inlined,
  invalidEntries,
  invalidPipeline,
  type Kind,
  own,
  place,
  type Step,
  type Steps,
  several,
  stepsOf
} from "./Step.ts"
import { check, constants, namesIn, predicateProblem, unknownKey } from "./StepChecks.ts"
import * as Task from "./Task.ts"
import type { Field } from "./Value.ts"
import type * as Wiring from "./Wiring.ts"

export type { ItemFailures } from "./ItemFailures.ts"
export type { Any, Arm, ArmName, Binding, Constant, Kind, Step, Steps } from "./Step.ts"

const NONE: ReadonlyArray<never> = []

// -- a task in a place of its own ------------------------------------------------------------------------------------

/** Other names for the keys of a task. */
export type Names<F> = { readonly [K in keyof F]?: string }

/** Values for some inputs of a task. */
export type Constants<F> = { readonly [K in keyof F]?: Wiring.Decoded<F[K]> }

/**
 * Where a task has its place. `I` and `O` rename what it takes and gives (`In` and `Out`), `C` are the inputs that never
 * change.
 */
export interface Placing<Name extends string, I, O, C, In = I & C, Out = O> {
  /** The step's name. Default: the task's. */
  readonly name?: Name
  /** What its inputs are called in the pipeline, where that is not the task's own word. */
  readonly inputs?: I & Wiring.Known<I, In>
  /** What its outputs are called in the pipeline, where that is not the task's own word. */
  readonly outputs?: O & Wiring.Known<O, Out>
  /** Inputs that have the same value in every run. */
  readonly constants?: C & Wiring.Known<C, In>
}

/** How a task goes through lists. */
export interface Going<Over, In = Over> {
  /** Which inputs get one item at a time, and of which list: `{ page: "pages" }`. Of several lists, every combination. */
  readonly over: Over & Wiring.Known<Over, In>
  /** How many units of work may run at once, over all workers. Default: as many as there is room for. */
  readonly concurrency?: number
  /** How many items make one unit of work. Default: 1. */
  readonly chunk?: number
}

/**
 * A task under another name, with other names for its values, or with some inputs fixed: what it takes to have one task
 * in a pipeline twice. Throws `InvalidName` and `InvalidOption`.
 */
export const make = <
  T extends Task.Any,
  const Name extends string = T["name"],
  const I extends Names<T["input"]> = {},
  const O extends Names<T["output"]> = {},
  const C extends Constants<T["input"]> = {}
>(
  task: T,
  options: Placing<Name, I, O, C, T["input"], T["output"]> = {}
): Steps<
  NoInfer<Name>,
  Wiring.Renamed<Omit<T["input"], keyof C>, I>,
  Wiring.Renamed<T["output"], O>,
  Wiring.ErrorOf<readonly [T]>,
  Wiring.RequirementsOf<readonly [T]>
> => one(placed(task, "task", options))

/**
 * Calls a task for every item of a list. Its outputs are lists, in the order of the items, whatever order they were
 * worked in. A failure of one item fails the step and names the item, unless `onItemFailure` says otherwise. Any worker
 * may take any item.
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
  options: Going<Over, T["input"]> & ItemFailures.ItemFailures & Placing<Name, I, O, C, T["input"], T["output"]>
): Steps<
  NoInfer<Name>,
  Wiring.Gone<Omit<T["input"], keyof C>, Over, I>,
  Wiring.Listed<T["output"], O>,
  Wiring.ErrorOf<readonly [T]>,
  Wiring.RequirementsOf<readonly [T]>
> => {
  const step = placed(task, "map", options)
  return one({
    ...step,
    outputs: step.outputs.map((output) => ({ ...output, field: listOf(output.field), optional: false }))
  })
}

/**
 * Keeps the items of a list for which a task with one Boolean output says true. A failure of one item fails the step,
 * unless `onItemFailure` says otherwise.
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
  options: Going<Over & Wiring.OneKey<Over>, T["input"]> &
    ItemFailures.ItemFailures &
    Omit<Placing<Name, I, {}, C, T["input"], {}>, "outputs"> & {
      /** What the kept items are called. */
      readonly output: Output
    }
): Steps<
  NoInfer<Name>,
  Wiring.Gone<Omit<T["input"], keyof C>, Over, I>,
  { readonly [K in NoInfer<Output>]: Wiring.ListOf<T["input"][keyof Over]> },
  Wiring.ErrorOf<readonly [T]>,
  Wiring.RequirementsOf<readonly [T]>
> => {
  const step = placed(task, "filter", options)
  check(predicateProblem(task))
  const over = Object.keys(options.over)
  if (over.length !== 1) throw new InvalidOption(`over of step '${step.name}'`, listed(over), "exactly one list")
  check(Name.invalid(`the output of step '${step.name}'`, options.output))
  const [key] = over as [string]
  return one({
    ...step,
    outputs: [{ key, value: options.output, field: listOf(task.input[key]), optional: false }]
  })
}

/**
 * Folds a list into one value or several, item by item, in order: every output of the task is one of its inputs too, and
 * what it gave for one item it takes for the next. The empty list gives `initial`. The first item that fails for good
 * fails the step: the next one needs what it would have given, so there is no `onItemFailure` here.
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
  options: Omit<Going<Over, T["input"]>, "concurrency"> &
    Placing<Name, I, O, C, T["input"], T["output"]> & {
      /** What it begins with, for every output. */
      readonly initial: { readonly [K in keyof T["output"]]: Wiring.Decoded<T["output"][K]> }
    }
): Steps<
  NoInfer<Name>,
  Wiring.Gone<Omit<T["input"], keyof C | keyof T["output"]>, Over, I>,
  Wiring.Renamed<T["output"], O>,
  Wiring.ErrorOf<readonly [T]>,
  Wiring.RequirementsOf<readonly [T]>
> => {
  const step = placed(task, "reduce", options)
  const accumulators = new Set(Object.keys(task.output))
  const lost = [...accumulators].find((key) => !Object.hasOwn(task.input, key))
  if (lost !== undefined || accumulators.size === 0) {
    throw new InvalidOption(
      `task of step '${step.name}'`,
      task.name,
      "a task whose every output is one of its inputs too"
    )
  }
  const what = `initial of step '${step.name}'`
  check(Bound.required(Bound.record, what, options.initial))
  check(unknownKey(what, task.output, options.initial))
  const initial = constants(what, task.output, options.initial)
  const missing = [...accumulators].find((key) => !initial.some((constant) => constant.key === key))
  if (missing !== undefined) throw new InvalidOption(what, missing, "a value for every output")
  return one({ ...step, inputs: step.inputs.filter(({ key }) => !accumulators.has(key)), initial })
}

// -- several steps ---------------------------------------------------------------------------------------------------

/**
 * Runs the steps of one arm or of the other, as a task with one Boolean output says. Each arm is a small pipeline: what
 * its steps give each other stays in it, and what nothing in it takes is given on. A value that both arms give is there
 * either way; one that a single arm gives is optional. The steps of the arm that is not taken are SKIPPED.
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
  options: Omit<Placing<Name, I, {}, C, T["input"], {}>, "outputs"> & {
    /** What runs when the task says true. */
    readonly yes: Yes & Wiring.Check<Yes>
    /** What runs when it says false. Default: nothing. */
    readonly no?: No & Wiring.Check<No>
  }
): Steps<
  Wiring.NameOf<NoInfer<Name>, readonly [...Yes, ...No]>,
  Wiring.Together<[Steps<Name, Wiring.Renamed<Omit<T["input"], keyof C>, I>, {}>, Arms<Yes>, Arms<No>]>,
  Wiring.Either<Wiring.Outputs<Yes>, Wiring.Outputs<No>>,
  Wiring.ErrorOf<readonly [T, ...Yes, ...No]>,
  Wiring.RequirementsOf<readonly [T, ...Yes, ...No]>
> => {
  const { outputs: _, ...step } = placed(task, "branch", options)
  check(
    predicateProblem(task),
    invalidEntries(`yes of step '${step.name}'`, options.yes),
    options.no === undefined ? undefined : invalidEntries(`no of step '${step.name}'`, options.no)
  )
  const choice: Step = { ...step, outputs: NONE }
  const arm = (name: ArmName, entries: Wiring.Tasks = NONE): ReadonlyArray<Step> =>
    inlined(`${step.name}.${name}`, entries.flatMap(stepsOf), { within: [{ branch: step.name, arm: name }] })
  return several(step.name, [
    choice,
    ...arm("yes", options.yes as Wiring.Tasks),
    ...arm("no", options.no as Wiring.Tasks | undefined)
  ])
}

type Arms<Ts extends Wiring.Tasks> = Steps<string, Wiring.Inputs<Ts>, {}>

/** Calls tasks side by side, and gives what each of them gave as one list, in the order in which they are listed. */
export const group = <
  const Name extends string,
  const Ts extends ReadonlyArray<Task.Any>,
  const Output extends string = Name
>(
  name: Name,
  tasks: Ts & Wiring.Singles<Ts>,
  options: {
    /** What the list is called. Default: the group's name. */
    readonly output?: Output
  } = {}
): Steps<
  Wiring.NameOf<NoInfer<Name>, Ts>,
  Wiring.Together<Ts>,
  { readonly [K in NoInfer<Output>]: Wiring.Typed<Wiring.Results<Ts>> },
  Wiring.ErrorOf<Ts>,
  Wiring.RequirementsOf<Ts>
> => {
  check(Name.invalid("a group's name", name))
  const what = `tasks of group '${name}'`
  check(
    Bound.required(Bound.list, what, tasks, "an array of tasks") ??
      Bound.first(tasks as ReadonlyArray<unknown>, (task, at) => Task.invalid(`${what}[${at}]`, task)),
    Bound.required(Bound.record, `options of group '${name}'`, options)
  )
  const members = (tasks as ReadonlyArray<Task.Any>).map((task, at) =>
    place(
      task,
      `${name}.${at}.${task.name}`,
      (key) => key,
      (key) => `${name}.${at}.${key}`
    )
  )
  return several(name, gathered(name, members, options.output === undefined ? name : options.output))
}

/** The members of a group, and the step that makes one list of what they gave. */
export const gathered = (name: string, members: ReadonlyArray<Step>, output: string): ReadonlyArray<Step> => {
  check(Name.invalid("a group's name", name), Name.invalid(`the output of group '${name}'`, output))
  if (members.length === 0) throw new InvalidOption(`tasks of group '${name}'`, "none", "at least one task")
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
    description: `Makes one list of what ${listed(members.map((member) => member.task.name))} gave`,
    input: Object.fromEntries(fields.map(({ field }, at) => [String(at), field])),
    output: { all: Schema.Tuple(fields.map(({ field }) => field)) as unknown as Field },
    run: (inputs) => ({ all: fields.map((_, at) => (inputs as Record<string, unknown>)[String(at)]) as never })
  })
  const gathering = place(
    { ...task, isOwn: true },
    name,
    (key) => fields[Number(key)]!.value,
    () => output
  )
  return [...members, gathering].map((step) => ({ ...step, boxes: [{ kind: "group", name }] }))
}

/**
 * The steps of a pipeline as a part of another one. Its parameters are what it takes and its results are what it gives;
 * everything else stays in it. It has no run of its own: failures, limits and timeouts are those of the pipeline around it.
 */
export const nest = <
  P extends Pipeline.Any,
  const Name extends string = P["id"],
  const I extends Names<Wiring.ParameterFields<P>> = {},
  const O extends Names<Wiring.ResultFields<P>> = {}
>(
  pipeline: P,
  options: Omit<Placing<Name, I, O, {}, Wiring.ParameterFields<P>, Wiring.ResultFields<P>>, "constants"> = {}
): Steps<
  string extends keyof Pipeline.OutputsOf<P> ? string : NoInfer<Name>,
  Wiring.Renamed<Wiring.ParameterFields<P>, I>,
  Wiring.Renamed<Wiring.ResultFields<P>, O>,
  Pipeline.ErrorOf<P>,
  Pipeline.RequirementsOf<P>
> => {
  check(
    invalidPipeline("pipeline of Step.nest", pipeline),
    Bound.required(Bound.record, "options of Step.nest", options)
  )
  const { name = pipeline.id as unknown as Name, inputs, outputs } = options
  check(Name.invalid("a step's name", name))
  check(...namesIn(`step '${name}'`, { inputs, outputs }))
  return several(name, inlined(name, pipeline.steps, { inputs, outputs, boxes: [{ kind: "pipeline", name }] }))
}

// -- how they are made -----------------------------------------------------------------------------------------------

interface AnyPlacing
  extends Placing<string, object, object, object>,
    Partial<Going<object>>,
    ItemFailures.ItemFailures {}

const placed = (task: Task.Any, kind: Kind, options: AnyPlacing): Step => {
  check(Task.invalid(`task of Step.${kind === "task" ? "make" : kind}`, task))
  check(Bound.required(Bound.record, `options of step '${task.name}'`, options))
  const { name = task.name, inputs = {}, outputs = {}, constants: fixed = {}, over = {}, concurrency, chunk } = options
  check(Name.invalid("a step's name", name))
  const where = `step '${name}'`
  check(...namesIn(where, { inputs, outputs, over }), Bound.record(`constants of ${where}`, fixed))
  const keys = Object.keys(over)
  check(
    Bound.integer(`concurrency of ${where}`, concurrency, 1),
    Bound.integer(`chunk of ${where}`, chunk, 1),
    ItemFailures.invalid(where, kind, options),
    kind !== "task" && kind !== "branch" && keys.length === 0
      ? new InvalidOption(`over of ${where}`, over, 'at least one input and its list, such as { page: "pages" }')
      : undefined,
    ...Object.entries({ inputs, over, constants: fixed }).map(([place, keyed]) =>
      unknownKey(`${place} of ${where}`, task.input, keyed)
    ),
    unknownKey(`outputs of ${where}`, task.output, outputs)
  )
  const step = place(
    task,
    name,
    (key) => own(over, key) ?? own(inputs, key) ?? key,
    (key) => own(outputs, key) ?? key
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

const one = <S extends Any>(step: Step): S => several(step.name, [step])
