/** Real pipelines from scripts. What tasks give says what they were given, so that results can be compared by reading. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Pipeline, Step, Task } from "../../adapters/promise/index.ts"
import type { Fields } from "../../core/json/Value.ts"
import type * as Wiring from "../../core/pipeline/Wiring.ts"
import type { Behaviour, Need, Part, Script } from "./Script.ts"

const S = Schema.String

/** How many may hold a limit. */
const MAX_HELD = 2

/** How often each task, or item of a task, was called in the run at hand. */
export class Calls {
  readonly #counts: Map<string, number> = new Map()
  /** From now on nothing fails. */
  healed = false
  /** The steps that were called since then, and their items. */
  readonly called: Map<string, Set<number | undefined>> = new Map()

  /** How many tasks hold each limit, and whether it was ever more than may be. */
  readonly #held: Map<string, number> = new Map()
  exceeded = false

  /** A task begins to hold a limit, or ends. */
  hold(key: string | undefined, by: 1 | -1): void {
    if (key === undefined) return
    const held = (this.#held.get(key) ?? 0) + by
    this.#held.set(key, held)
    if (held > MAX_HELD) this.exceeded = true
  }

  heal(): void {
    this.healed = true
    this.called.clear()
  }

  call(step: string, item: number | undefined): void {
    const items = this.called.get(step) ?? new Set()
    this.called.set(step, items.add(item))
  }

  count(key: string): number {
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    return count
  }
}

/** What a task gives for its inputs, spelt out: absent ones are a dash. */
export const spell = (name: string, needs: ReadonlyArray<Need>, get: (value: string) => string | undefined): string =>
  `${name}(${needs.map(({ value }) => get(value) ?? "-").join(",")})`

/** What else a task gives that gives this. */
export const another = (value: string): string => `${value}'`

/** A value that was given. */
export const givenOf = (name: string): string => `given ${name}`

/** The arm that a branch takes: each input that is absent turns it round. */
export const armOf = (
  { takes, needs }: Extract<Part, { readonly kind: "branch" }>,
  get: (value: string) => string | undefined
): "yes" | "no" =>
  (takes === "yes") === (needs.filter(({ value }) => get(value) === undefined).length % 2 === 0) ? "yes" : "no"

/** Whether a filter keeps an item. */
export const keeps = (item: string): boolean => item.length % 2 === 0

const inputsOf = (needs: ReadonlyArray<Need>): Fields =>
  Object.fromEntries(needs.map(({ value, optional }) => [value, optional ? Schema.optionalKey(S) : S]))

type Inputs = Readonly<Record<string, unknown>>

const returning = (how: Behaviour["how"], give: () => Inputs, hold: (by: 1 | -1) => void): never => {
  const end = (): void => hold(-1)
  switch (how) {
    case "value":
      return give() as never
    case "promise":
      hold(1)
      return Promise.resolve().then(give).finally(end) as never
    case "effect":
      return Effect.acquireUseRelease(
        Effect.sync(() => hold(1)),
        () => Effect.andThen(Effect.yieldNow, Effect.sync(give)),
        () => Effect.sync(end)
      ) as never
  }
}

/** The key of the limit that a task with these inputs holds. */
const keyOf = (limit: Behaviour["limit"], inputs: Inputs): string | undefined =>
  limit === "none" ? undefined : limit === "shared" ? "shared" : `probed ${Object.keys(inputs).length % 2}`

const taskOf = (
  name: string,
  input: Fields,
  output: Fields,
  { failures, retries, fatal, how, limit }: Behaviour,
  calls: Calls,
  give: (inputs: Inputs) => Inputs,
  /** The items that fail; every call where there are none. */
  bad?: ReadonlyArray<number>
): Task.Any =>
  Task.make(name, {
    input,
    output,
    retry: { times: retries, delayMillis: 10, jitter: 0 },
    ...(limit !== "none" && {
      limit: { key: limit === "shared" ? limit : (inputs: Inputs) => keyOf(limit, inputs)!, max: MAX_HELD }
    }),
    run: (inputs: Inputs, context) =>
      returning(
        how,
        () => {
          const { step, item } = context
          calls.call(step, item)
          const isBad = item === undefined || bad!.includes(item)
          if (isBad && !calls.healed && calls.count(`${name}[${item}]`) <= failures) {
            if (fatal) throw new Task.Fatal(`${name} is beyond hope`)
            throw new Error(`${name} failed`)
          }
          return give(inputs)
        },
        (by) => calls.hold(keyOf(limit, inputs), by)
      )
  }) as unknown as Task.Any

const entryOf = (part: Part, calls: Calls): Task.Any | Step.Any => {
  const { name, needs, behaviour } = part
  const input = inputsOf(needs)
  const get = (inputs: Inputs) => (value: string) => inputs[value] as string | undefined
  const spelt = (inputs: Inputs): string => spell(name, needs, get(inputs))
  switch (part.kind) {
    case "task": {
      const { value, also } = part
      const field = behaviour.gives ? S : Schema.optionalKey(S)
      const output = { [value]: field, ...(also !== undefined && { [also]: field }) }
      return taskOf(name, input, output, behaviour, calls, (inputs) =>
        behaviour.gives ? { [value]: spelt(inputs), ...(also !== undefined && { [also]: another(spelt(inputs)) }) } : {}
      )
    }
    case "list": {
      const items = Array.from({ length: part.length }, (_, at) => `${name}${"x".repeat(at)}`)
      return taskOf(name, input, { [name]: Schema.Array(S) }, behaviour, calls, () => ({ [name]: items }))
    }
    case "branch": {
      const says = (inputs: Inputs) => ({ says: armOf(part, get(inputs)) === "yes" })
      const task = taskOf(name, input, { says: Schema.Boolean }, behaviour, calls, says)
      return Step.branch(task as never, {
        yes: part.yes.map((each) => entryOf(each, calls)) as never,
        no: part.no.map((each) => entryOf(each, calls)) as never
      }) as unknown as Step.Any
    }
    default:
      return goingOf(part, input, spelt, calls)
  }
}

const goingOf = (
  part: Extract<Part, { readonly list: string }>,
  input: Fields,
  spelt: (inputs: Inputs) => string,
  calls: Calls
): Step.Any => {
  const { kind, name, list, chunk, concurrency, bad, rule, tolerated, behaviour } = part
  const options = {
    over: { item: list },
    ...(chunk !== undefined && { chunk }),
    ...(concurrency !== undefined && kind !== "reduce" && { concurrency }),
    ...(rule !== "fail" && { onItemFailure: rule }),
    ...(tolerated !== undefined && { toleratedItemFailures: tolerated })
  }
  const withItem = { ...input, item: S }
  const seen = (inputs: Inputs): string => `${inputs["item"]}|${spelt(inputs)}`
  if (kind === "map") {
    const task = taskOf(name, withItem, { [name]: S }, behaviour, calls, (inputs) => ({ [name]: seen(inputs) }), bad)
    return Step.map(task, options as never) as unknown as Step.Any
  }
  if (kind === "filter") {
    const give = (inputs: Inputs) => ({ keep: keeps(inputs["item"] as string) })
    const task = taskOf(name, withItem, { keep: Schema.Boolean }, behaviour, calls, give, bad)
    return Step.filter(task as never, { ...options, output: name } as never) as unknown as Step.Any
  }
  const give = (inputs: Inputs) => ({ [name]: `${inputs[name]};${seen(inputs)}` })
  const task = taskOf(name, { ...withItem, [name]: S }, { [name]: S }, behaviour, calls, give, bad)
  return Step.reduce(task as never, { ...options, initial: { [name]: "0" } } as never) as unknown as Step.Any
}

/** The pipeline that a script describes. */
export const make = (id: string, { parts, order, policy }: Script, calls: Calls): Pipeline.Any =>
  Pipeline.make(id, order.map((at) => entryOf(parts[at]!, calls)) as unknown as Wiring.Tasks, { onFailure: policy })
