/** Tasks that write down each of their executions, and give for the same inputs always the same. */
import * as Schema from "effect/Schema"
import { type Retry, Task } from "../../adapters/promise/index.ts"
import type { Held, Ledger } from "./Ledger.ts"
import { hash, mix } from "./Random.ts"

export { mix } from "./Random.ts"

/** What a task may be besides: its retries, its limit, its memo. */
export interface Besides {
  readonly retry?: Retry.Retry
  readonly limit?: { readonly key: string | ((inputs: Inputs) => string); readonly max: number }
  readonly memo?: Task.Memo
  /** How often it fails before it succeeds, by what it is given. */
  readonly failing?: (inputs: Inputs) => number
  /** Limits of its pipeline that it is under. */
  readonly held?: ReadonlyArray<Held>
  /** How long it takes, in milliseconds. */
  readonly millis?: number
  readonly blocking?: Blocking
  readonly leaking?: Leaking
  /** How long an attempt may take, in milliseconds. */
  readonly timeoutMillis?: number
}

/**
 * How long a task keeps the main thread, and in how many of its first attempts, by what it is given. Not in all of them: an
 * attempt that outlasts its lease counts for nothing.
 */
interface Blocking {
  readonly millis: number
  readonly times: (inputs: Inputs) => number
}

/** How a task leaks errors, and in how many of its first attempts, by what it is given. */
interface Leaking {
  readonly how: "rejection" | "timer"
  readonly times: (inputs: Inputs) => number
}

/** Numbers by name. */
export type Inputs = Readonly<Record<string, number>>

let ledger: Ledger | undefined

/** Has the executions of this process written down. */
export const writeInto = (into: Ledger): void => {
  ledger = into
}

/** Most executions are short, and a few so long that something happens to them. */
const millisOf = (name: string, inputs: Inputs): number => {
  const chance = hash(`${name} takes ${Object.values(inputs).join()}`)
  return chance % 25 === 0 ? 500 + (chance % 700) : 10 + (chance % 120)
}

/** Values of a task by name, each with its schema. */
type Fields = Readonly<Record<string, Schema.Codec<unknown, unknown>>>

/** A task whose executions are written down. */
export const recorded = <Taken extends Readonly<Record<string, unknown>> = Inputs>(
  name: string,
  input: Fields,
  output: Fields,
  work: (inputs: Taken) => Readonly<Record<string, unknown>>,
  { failing, leaking, held = [], millis, blocking, ...options }: Besides = {}
): Task.Any => {
  const heldBy = (inputs: Inputs): ReadonlyArray<Held> => {
    const { limit, memo } = options
    const all = [...held]
    if (limit) all.push({ key: typeof limit.key === "string" ? limit.key : limit.key(inputs), max: limit.max })
    if (memo) all.push({ key: `memo ${name} ${JSON.stringify(inputs)}`, max: 1 })
    return all
  }
  return Task.make(name, {
    version: "1",
    input,
    output,
    ...(options as object),
    run: async (taken: Readonly<Record<string, unknown>>, context) => {
      const inputs = taken as Inputs
      const ended = ledger?.start(context, heldBy(inputs))
      if (context.attempt <= (leaking?.times(inputs) ?? 0)) {
        ended?.("failed")
        leak(leaking!.how)
        // Until it is told to stop, and then it gives what would be noticed.
        await elapsed(60_000, context.signal)
        return {}
      }
      if (blocking !== undefined && context.attempt <= blocking.times(inputs)) block(blocking.millis)
      if (!(await elapsed(millis ?? millisOf(name, inputs), context.signal))) {
        ended?.("stopped")
        throw new Error("told to stop")
      }
      if (context.attempt <= (failing?.(inputs) ?? 0)) {
        ended?.("failed")
        throw new Error(`attempt ${context.attempt} fails`)
      }
      const outputs = work(taken as Taken)
      ended?.("ok")
      return outputs
    }
  }) as Task.Any
}

/** Each of these names with one schema. */
export const fields = (names: ReadonlyArray<string>, schema: Fields[string]): Fields =>
  Object.fromEntries(names.map((name) => [name, schema]))

/** A task that takes numbers and whose output is one number. */
export const task = (
  name: string,
  takes: ReadonlyArray<string>,
  gives: string,
  work: (inputs: Inputs) => number,
  besides: Besides = {}
): Task.Any =>
  recorded(
    name,
    fields(takes, Schema.Number),
    { [gives]: Schema.Number },
    (inputs: Inputs) => ({ [gives]: work(inputs) }),
    besides
  )

/** A task whose number is what its name makes of what it takes. */
export const mixing = (name: string, takes: ReadonlyArray<string>, besides: Besides = {}): Task.Any =>
  task(name, takes, `${name}d`, (inputs) => mix(name, ...takes.map((key) => inputs[key]!)), besides)

/** A task whose output is a list of numbers. */
export const listing = (
  name: string,
  takes: ReadonlyArray<string>,
  gives: string,
  work: (inputs: Inputs) => ReadonlyArray<number>
): Task.Any =>
  recorded(name, fields(takes, Schema.Number), { [gives]: Schema.Array(Schema.Number) }, (inputs: Inputs) => ({
    [gives]: work(inputs)
  }))

/** Leaks an error, which the attempt fails with. */
const leak = (how: Leaking["how"]): void => {
  if (how === "rejection") void Promise.reject(new Error("leaked"))
  else
    setTimeout(() => {
      throw new Error("leaked")
    }, 5)
}

/** Keeps the main thread for so long. */
const block = (millis: number): void => {
  const from = performance.now()
  while (performance.now() - from < millis);
}

/** Whether the time went by before it was told to stop. */
const elapsed = (millis: number, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve(false)
    const end = (isOver: boolean): void => {
      clearTimeout(timer)
      signal.removeEventListener("abort", stop)
      resolve(isOver)
    }
    const stop = (): void => end(false)
    const timer = setTimeout(() => end(true), millis)
    signal.addEventListener("abort", stop)
  })
