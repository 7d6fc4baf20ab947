/** Builds sequential pipelines link by link: each link takes the output of the link before it. */
import * as Result from "effect/Result"
import type { Field } from "../json/Value.ts"
import * as Task from "../task/Task.ts"
import { EmptyPipeline, MissingProducer, TypeMismatch } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import { fromSteps, invalidDeclaration } from "./Assembly.ts"
import type { Dag } from "./Dag.ts"
import type * as Pipeline from "./Pipeline.ts"
import type * as Plan from "./Plan.ts"
import * as SchemaFit from "./SchemaFit.ts"
import { fromTask, type Step } from "./Step.ts"
import * as StepBuilders from "./StepBuilders.ts"
import type * as Wiring from "./Wiring.ts"

/** The options of a link that runs a task for each item of a list. */
type ListOptions = Pick<StepBuilders.ListOptions<never>, "concurrency" | "chunk"> & StepBuilders.ItemFailures

/** The name of the one parameter of a chain. */
export const INPUT = "input" as const
/** The name of the output of a chain's last link. */
export const RESULT = "result" as const

/**
 * A sequential pipeline that can get more links. `Now` is the type of the last link's output: the result of a run, and
 * the input of the next link.
 *
 * A link binds to the one input of its task that `constants` do not fix; the task has one output. Throws `MissingProducer`
 * and `TypeMismatch` where the compiler could not check this, and `InvalidOption` for invalid options.
 */
export interface Chain<Id extends string, First, Now, E = never, R = never>
  extends Pipeline.Pipeline<Id, { readonly input: First }, Now, E, R, { readonly result: Now }> {
  /** Adds a task that takes the last output. */
  readonly call: <T extends Task.Any, const C extends StepBuilders.Constants<T["input"]> = {}>(
    task: T & Wiring.Link<T, C, Now>,
    constants?: C & Wiring.Known<C, T["input"]>
  ) => Chain<
    Id,
    First,
    Wiring.Only<T["output"]>,
    E | Wiring.ErrorOf<readonly [T]>,
    R | Wiring.RequirementsOf<readonly [T]>
  >
  /** Adds a task that runs for each item of the last output, which is a list; its output is the list of results. See `Step.map`. */
  readonly map: <T extends Task.Any, const C extends StepBuilders.Constants<T["input"]> = {}>(
    task: T & Wiring.Link<T, C, Wiring.Item<Now>>,
    constants?: C & Wiring.Known<C, T["input"]>,
    options?: ListOptions
  ) => Chain<
    Id,
    First,
    ReadonlyArray<Wiring.Only<T["output"]>>,
    E | Wiring.ErrorOf<readonly [T]>,
    R | Wiring.RequirementsOf<readonly [T]>
  >
  /** Keeps the items of the last output, which is a list, for which a task returns true. See `Step.filter`. */
  readonly filter: <T extends Task.Any, const C extends StepBuilders.Constants<T["input"]> = {}>(
    task: T & Wiring.Predicate<T> & Wiring.Link<T, C, Wiring.Item<Now>>,
    constants?: C & Wiring.Known<C, T["input"]>,
    options?: ListOptions
  ) => Chain<
    Id,
    First,
    ReadonlyArray<Wiring.Item<Now>>,
    E | Wiring.ErrorOf<readonly [T]>,
    R | Wiring.RequirementsOf<readonly [T]>
  >
  /** Adds tasks that run in parallel and all take the last output; their outputs become a list, in the order of the tasks. */
  readonly group: <const Ts extends ReadonlyArray<Task.Any>>(
    tasks: Ts & Wiring.Links<Ts, Now>
  ) => Chain<Id, First, Wiring.Results<Ts>, E | Wiring.ErrorOf<Ts>, R | Wiring.RequirementsOf<Ts>>
  /** Folds the last output, which is a list: the task takes an item and its own output for the item before, at first `initial`. */
  readonly reduce: <T extends Task.Any, const C extends StepBuilders.Constants<T["input"]> = {}>(
    task: T & Wiring.Reducer<T> & Wiring.Link<T, C & Record<keyof T["output"], unknown>, Wiring.Item<Now>>,
    initial: Wiring.Only<T["output"]>,
    constants?: C & Wiring.Known<C, T["input"]>
  ) => Chain<
    Id,
    First,
    Wiring.Only<T["output"]>,
    E | Wiring.ErrorOf<readonly [T]>,
    R | Wiring.RequirementsOf<readonly [T]>
  >
}

/** A chain without links, which is no pipeline yet. */
export type Start<Id extends string, First> = Pick<
  Chain<Id, First, First>,
  "call" | "map" | "filter" | "group" | "reduce"
>

/** Begins a chain. The pipeline has one parameter, `input`, with this schema. */
export const chain = <const Id extends string, S extends Field>(
  id: Id,
  schema: S,
  options?: Pipeline.Options
): Start<Id, Wiring.Decoded<S>> => {
  check(
    invalidDeclaration(id, options) ??
      OptionCheck.required(Task.schema, `schema of the input of pipeline '${id}'`, schema)
  )
  return new Link(id, options ?? {}, schema) as unknown as Start<Id, Wiring.Decoded<S>>
}

const check = (mistake: Error | undefined): void => {
  if (mistake !== undefined) throw mistake
}

type Fixed = Readonly<Record<string, unknown>>

/** How a link was added to a chain. */
interface LinkDefinition {
  readonly before: Link
  /** The name of its task, or `group`. */
  readonly name: string
  /** Makes the steps of the link. `name` is the unique name of the link, `value` the name of the value that it takes. */
  readonly make: (name: string, value: string) => ReadonlyArray<Step>
}

// A link refers to the link before it, and the pipeline is built on first use: adding a link to a long chain takes
// constant time.
class Link implements Pipeline.Pipeline {
  readonly id: string
  readonly kind = "sequential" as const
  readonly options: Pipeline.Options
  /** The schema of the last output. */
  readonly #now: Field
  /** Undefined for the start of the chain. */
  readonly #definition: LinkDefinition | undefined
  #built: Pipeline.Pipeline | undefined

  constructor(id: string, options: Pipeline.Options, now: Field, definition?: LinkDefinition) {
    this.id = id
    this.options = options
    this.#now = now
    this.#definition = definition
  }

  call(task: Task.Any, fixed: Fixed = {}): Link {
    const key = this.#keyOf(task, fixed)
    return this.#next(
      task.name,
      (name, value) => StepBuilders.make(task, { ...placement(task, name, fixed), inputs: { [key]: value } }).steps
    )
  }

  map(task: Task.Any, fixed: Fixed = {}, options: ListOptions = {}): Link {
    check(OptionCheck.required(OptionCheck.record, `options of map in pipeline '${this.id}'`, options))
    const key = this.#keyOf(task, fixed)
    return this.#next(
      task.name,
      (name, value) =>
        StepBuilders.map(task, { ...placement(task, name, fixed), ...options, over: { [key]: value } }).steps
    )
  }

  filter(task: Task.Any, fixed: Fixed = {}, options: ListOptions = {}): Link {
    check(OptionCheck.required(OptionCheck.record, `options of filter in pipeline '${this.id}'`, options))
    const key = this.#keyOf(task, fixed)
    return this.#next(task.name, (name, value) => {
      const over = { [key]: value }
      return StepBuilders.filter(
        task as never,
        { name, constants: fixed, ...options, over, output: `${name}.kept` } as never
      ).steps
    })
  }

  reduce(task: Task.Any, first: unknown, fixed: Fixed = {}): Link {
    this.#check(task, fixed)
    const initial = Object.fromEntries(Object.keys(task.output).map((key) => [key, first]))
    const key = this.#keyOf(task, { ...fixed, ...initial })
    return this.#next(task.name, (name, value) => {
      const over = { [key]: value }
      return StepBuilders.reduce(task as never, { ...placement(task, name, fixed), over, initial } as never).steps
    })
  }

  group(tasks: ReadonlyArray<Task.Any>): Link {
    const what = `tasks of a group in pipeline '${this.id}'`
    check(OptionCheck.required(OptionCheck.list, what, tasks, "an array of tasks"))
    const keys = tasks.map((task) => this.#keyOf(task, {}))
    return this.#next("group", (name, value) => {
      const members = tasks.flatMap((task, at) => {
        const member = `${name}.${at}.${task.name}`
        return StepBuilders.make(task, { ...placement(task, member, {}), inputs: { [keys[at]!]: value } }).steps
      })
      return StepBuilders.gathered(name, members, `${name}.all`)
    })
  }

  // -- as a pipeline -------------------------------------------------------------------------------------------------

  get steps(): ReadonlyArray<Step> {
    return this.#pipeline.steps
  }
  get dag(): Dag {
    return this.#pipeline.dag
  }
  get parameters(): ReadonlyArray<Pipeline.Parameter> {
    return this.#pipeline.parameters
  }
  get results(): Pipeline.Pipeline["results"] {
    return this.#pipeline.results
  }
  get plan(): Plan.Plan {
    return this.#pipeline.plan
  }
  get version(): string {
    return this.#pipeline.version
  }
  encode(parameters: unknown): ReturnType<Pipeline.Pipeline["encode"]> {
    return this.#pipeline.encode(parameters)
  }

  decode(result: unknown): ReturnType<Pipeline.Pipeline["decode"]> {
    return this.#pipeline.decode(result)
  }

  planOf(part: Plan.Part): Plan.Plan {
    return this.#pipeline.planOf(part)
  }

  get #pipeline(): Pipeline.Pipeline {
    if (this.#built === undefined) {
      const links: Array<LinkDefinition> = []
      for (let link = this.#definition; link !== undefined; link = link.before.#definition) links.push(link)
      const uses = new Map<string, number>()
      if (links.length === 0) throw new EmptyPipeline(this.id)
      const steps: Array<Step> = []
      let value: string = INPUT
      for (const { name, make } of links.reverse()) {
        const use = (uses.get(name) ?? 0) + 1
        uses.set(name, use)
        const made = make(use === 1 ? name : `${name}#${use}`, value)
        steps.push(...made)
        value = made.at(-1)!.outputs[0]!.value
      }
      const last = steps.pop()!
      steps.push({ ...last, outputs: last.outputs.map((output) => ({ ...output, value: RESULT })) })
      const built = fromSteps(this.id, this.kind, steps, this.options)
      this.#built = Result.getOrThrowWith(built, (error) => error)
    }
    return this.#built
  }

  // -- links ---------------------------------------------------------------------------------------------------------

  /** Adds a link. Makes its steps once with provisional names, to check that they fit the last output. */
  #next(name: string, make: LinkDefinition["make"]): Link {
    const made = make(name, INPUT)
    const last = made.at(-1)!
    const [output, ...others] = last.outputs
    if (output === undefined || others.length > 0) {
      throw new MissingProducer(this.id, name, "needs exactly one output, which the next link takes")
    }
    for (const consumer of made) {
      const input = consumer.inputs.find(({ value }) => value === INPUT)
      const misfit = input && SchemaFit.into(this.#now, input.field)
      if (misfit) {
        const received = `the value before it is ${misfit.received}`
        throw new TypeMismatch(this.id, consumer.name, input.key, misfit.expected, received)
      }
    }
    return new Link(this.id, this.options, output.field, { before: this, name, make })
  }

  #check(task: unknown, fixed: unknown): void {
    check(
      Task.invalid(`task of pipeline '${this.id}'`, task) ??
        OptionCheck.required(OptionCheck.record, `constants of pipeline '${this.id}'`, fixed)
    )
  }

  /** The one input of a task that takes the last output. */
  #keyOf(task: Task.Any, fixed: Fixed): string {
    this.#check(task, fixed)
    const free = fromTask(task).inputs.filter(({ key }) => !Object.hasOwn(fixed, key))
    const required = free.filter(({ optional }) => !optional)
    const [only, ...others] = required.length > 0 ? required : free
    if (only !== undefined && others.length === 0) return only.key
    const names = free.map(({ key }) => `'${key}'`).join(", ") || "none"
    throw new MissingProducer(
      this.id,
      task.name,
      `needs exactly one input that 'constants' does not set; such inputs are: ${names}`
    )
  }
}

const placement = (task: Task.Any, name: string, constants: Fixed) => ({
  name,
  constants,
  outputs: Object.fromEntries(Object.keys(task.output).map((key) => [key, `${name}.${key}`]))
})
