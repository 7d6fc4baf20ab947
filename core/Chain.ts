/** The sequential builder: each link takes what the one before it gave. It makes the same steps as everything else. */
import * as Result from "effect/Result"
import * as Bound from "./Bound.ts"
import { fromSteps, invalidDeclaration } from "./Build.ts"
import type { Dag } from "./Dag.ts"
import { EmptyPipeline, MissingProducer, TypeMismatch } from "./Errors.ts"
import * as Fit from "./Fit.ts"
import type * as Pipeline from "./Pipeline.ts"
import type * as Plan from "./Plan.ts"
import { place, type Step } from "./Step.ts"
import * as Steps from "./Steps.ts"
import * as Task from "./Task.ts"
import type { Field } from "./Value.ts"
import type * as Wiring from "./Wiring.ts"

/** How a link goes through a list. */
type Going = Pick<Steps.Going<never>, "concurrency" | "chunk"> & Steps.ItemFailures

/** The name of the parameter that a chain begins with, and of what its last link gives. */
export const INPUT = "input" as const
export const RESULT = "result" as const

/**
 * A pipeline that can go on. `Now` is what the last link gives: the result of its runs, and what the next link takes.
 *
 * A link binds to the one input that `constants` do not fix, and its task has one output. Throws `MissingProducer` and
 * `TypeMismatch` where types could not tell; `InvalidOption` for settings that can't be used.
 */
export interface Chain<Id extends string, First, Now, E = never, R = never>
  extends Pipeline.Pipeline<Id, { readonly input: First }, Now, E, R, { readonly result: Now }> {
  /** Calls a task with what came before it. */
  readonly call: <T extends Task.Any, const C extends Steps.Constants<T["input"]> = {}>(
    task: T & Wiring.Link<T, C, Now>,
    constants?: C & Wiring.Known<C, T["input"]>
  ) => Chain<
    Id,
    First,
    Wiring.Only<T["output"]>,
    E | Wiring.ErrorOf<readonly [T]>,
    R | Wiring.RequirementsOf<readonly [T]>
  >
  /** Calls a task for every item of the list that came before it; gives the list of what it gave. See `Step.map`. */
  readonly map: <T extends Task.Any, const C extends Steps.Constants<T["input"]> = {}>(
    task: T & Wiring.Link<T, C, Wiring.Item<Now>>,
    constants?: C & Wiring.Known<C, T["input"]>,
    options?: Going
  ) => Chain<
    Id,
    First,
    ReadonlyArray<Wiring.Only<T["output"]>>,
    E | Wiring.ErrorOf<readonly [T]>,
    R | Wiring.RequirementsOf<readonly [T]>
  >
  /** Keeps the items of the list that came before it for which a task says true. See `Step.filter`. */
  readonly filter: <T extends Task.Any, const C extends Steps.Constants<T["input"]> = {}>(
    task: T & Wiring.Predicate<T> & Wiring.Link<T, C, Wiring.Item<Now>>,
    constants?: C & Wiring.Known<C, T["input"]>,
    options?: Going
  ) => Chain<
    Id,
    First,
    ReadonlyArray<Wiring.Item<Now>>,
    E | Wiring.ErrorOf<readonly [T]>,
    R | Wiring.RequirementsOf<readonly [T]>
  >
  /** Calls tasks side by side, each with what came before; gives the list of what they gave, in the order of the tasks. */
  readonly group: <const Ts extends ReadonlyArray<Task.Any>>(
    tasks: Ts & Wiring.Links<Ts, Now>
  ) => Chain<Id, First, Wiring.Results<Ts>, E | Wiring.ErrorOf<Ts>, R | Wiring.RequirementsOf<Ts>>
  /** Folds the list that came before it: the task takes an item and what it gave for the item before, at first `initial`. */
  readonly reduce: <T extends Task.Any, const C extends Steps.Constants<T["input"]> = {}>(
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

/** A chain without a link: no pipeline yet. */
export type Start<Id extends string, First> = Pick<
  Chain<Id, First, First>,
  "call" | "map" | "filter" | "group" | "reduce"
>

/** Begins a chain. Its one parameter is `input`, of this schema. */
export const chain = <const Id extends string, S extends Field>(
  id: Id,
  schema: S,
  options?: Pipeline.Options
): Start<Id, Wiring.Decoded<S>> => {
  check(
    invalidDeclaration(id, options) ?? Bound.required(Task.schema, `schema of the input of pipeline '${id}'`, schema)
  )
  return new Link(id, options ?? {}, schema) as unknown as Start<Id, Wiring.Decoded<S>>
}

const check = (mistake: Error | undefined): void => {
  if (mistake !== undefined) throw mistake
}

type Fixed = Readonly<Record<string, unknown>>

/** A link that is not the first: the one before it, and its steps once names are known. */
interface After {
  readonly before: Link
  readonly name: string
  /** `name` is what the link is called, `value` what it takes is called. */
  readonly make: (name: string, value: string) => ReadonlyArray<Step>
}

// A link knows the one before it, and the pipeline is built when somebody looks at it: a long chain costs no more for
// each link than a short one.
class Link implements Pipeline.Pipeline {
  readonly id: string
  readonly kind = "sequential" as const
  readonly options: Pipeline.Options
  /** What the next link takes. */
  readonly #now: Field
  readonly #after: After | undefined
  #built: Pipeline.Pipeline | undefined

  constructor(id: string, options: Pipeline.Options, now: Field, after?: After) {
    this.id = id
    this.options = options
    this.#now = now
    this.#after = after
  }

  call(task: Task.Any, fixed: Fixed = {}): Link {
    const key = this.#keyOf(task, fixed)
    return this.#next(
      task.name,
      (name, value) => Steps.make(task, { ...placing(task, name, fixed), inputs: { [key]: value } }).steps
    )
  }

  map(task: Task.Any, fixed: Fixed = {}, going: Going = {}): Link {
    check(Bound.required(Bound.record, `options of map in pipeline '${this.id}'`, going))
    const key = this.#keyOf(task, fixed)
    return this.#next(
      task.name,
      (name, value) => Steps.map(task, { ...placing(task, name, fixed), ...going, over: { [key]: value } }).steps
    )
  }

  filter(task: Task.Any, fixed: Fixed = {}, going: Going = {}): Link {
    check(Bound.required(Bound.record, `options of filter in pipeline '${this.id}'`, going))
    const key = this.#keyOf(task, fixed)
    return this.#next(task.name, (name, value) => {
      const over = { [key]: value }
      return Steps.filter(task as never, { name, constants: fixed, ...going, over, output: `${name}.kept` } as never)
        .steps
    })
  }

  reduce(task: Task.Any, first: unknown, fixed: Fixed = {}): Link {
    this.#check(task, fixed)
    const initial = Object.fromEntries(Object.keys(task.output).map((key) => [key, first]))
    const key = this.#keyOf(task, { ...fixed, ...initial })
    return this.#next(task.name, (name, value) => {
      const over = { [key]: value }
      return Steps.reduce(task as never, { ...placing(task, name, fixed), over, initial } as never).steps
    })
  }

  group(tasks: ReadonlyArray<Task.Any>): Link {
    const what = `tasks of a group in pipeline '${this.id}'`
    check(Bound.required(Bound.list, what, tasks, "an array of tasks"))
    const keys = tasks.map((task) => this.#keyOf(task, {}))
    return this.#next("group", (name, value) => {
      const members = tasks.flatMap((task, at) => {
        const member = `${name}.${at}.${task.name}`
        return Steps.make(task, { ...placing(task, member, {}), inputs: { [keys[at]!]: value } }).steps
      })
      return Steps.gathered(name, members, `${name}.all`)
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
      const links: Array<After> = []
      for (let after = this.#after; after !== undefined; after = after.before.#after) links.push(after)
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

  /** The link after this one. Its steps are made once with stand-ins for the names, to see whether they fit here. */
  #next(name: string, make: After["make"]): Link {
    const made = make(name, INPUT)
    const last = made.at(-1)!
    const [output, ...others] = last.outputs
    if (output === undefined || others.length > 0) {
      throw new MissingProducer(this.id, name, "has to have exactly one output for the next link to take")
    }
    for (const taker of made) {
      const taken = taker.inputs.find(({ value }) => value === INPUT)
      const misfit = taken && Fit.into(this.#now, taken.field)
      if (misfit) {
        const received = `what comes before it is ${misfit.received}`
        throw new TypeMismatch(this.id, taker.name, taken.key, misfit.expected, received)
      }
    }
    return new Link(this.id, this.options, output.field, { before: this, name, make })
  }

  #check(task: unknown, fixed: unknown): void {
    check(
      Task.invalid(`task of pipeline '${this.id}'`, task) ??
        Bound.required(Bound.record, `constants of pipeline '${this.id}'`, fixed)
    )
  }

  /** The one input that the value before it is for. */
  #keyOf(task: Task.Any, fixed: Fixed): string {
    this.#check(task, fixed)
    const free = place(task).inputs.filter(({ key }) => !Object.hasOwn(fixed, key))
    const required = free.filter(({ optional }) => !optional)
    const [only, ...others] = required.length > 0 ? required : free
    if (only !== undefined && others.length === 0) return only.key
    const left = free.map(({ key }) => `'${key}'`).join(", ") || "none"
    throw new MissingProducer(this.id, task.name, `has to have one input that is not fixed; those left are ${left}`)
  }
}

const placing = (task: Task.Any, name: string, constants: Fixed) => ({
  name,
  constants,
  outputs: Object.fromEntries(Object.keys(task.output).map((key) => [key, `${name}.${key}`]))
})
