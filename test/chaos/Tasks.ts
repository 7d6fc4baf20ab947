/** Tasks that write down each of their executions, and give for the same inputs always the same. */
import * as Schema from "effect/Schema"
import { type Retry, Task } from "../../adapters/promise/index.ts"
import type { Held, Ledger } from "./Ledger.ts"
import { hash } from "./Random.ts"

/** What a task may be besides: its retries, its limit, its memo. */
interface Besides {
  readonly retry?: Retry.Retry
  readonly limit?: { readonly key: string | ((inputs: Inputs) => string); readonly max: number }
  readonly memo?: Task.Memo
  /** How often it fails before it succeeds, by what it is given. */
  readonly failing?: (inputs: Inputs) => number
  /** Limits of its pipeline that it is under. */
  readonly held?: ReadonlyArray<Held>
  /** How long it takes, in milliseconds. */
  readonly millis?: number
}

/** Numbers by name. */
export type Inputs = Readonly<Record<string, number>>

let ledger: Ledger | undefined

/** Has the executions of this process written down. */
export const writeInto = (into: Ledger): void => {
  ledger = into
}

/** A number that other numbers decide: what a step gives shows whether it was given the right things. */
export const mix = (name: string, ...values: ReadonlyArray<number>): number =>
  hash(`${name}(${values.join()})`) % 10_000

/** Most executions are short, and a few so long that something happens to them. */
const millisOf = (name: string, inputs: Inputs): number => {
  const chance = hash(`${name} takes ${Object.values(inputs).join()}`)
  return chance % 25 === 0 ? 500 + (chance % 700) : 10 + (chance % 120)
}

/** A task that takes numbers and gives one, or a list of them. */
const made = (
  name: string,
  takes: ReadonlyArray<string>,
  gives: string,
  output: Schema.Codec<unknown, unknown>,
  work: (inputs: Inputs) => unknown,
  { failing, held = [], millis, ...options }: Besides
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
    input: Object.fromEntries(takes.map((key) => [key, Schema.Number])),
    output: { [gives]: output },
    ...options,
    run: async (inputs: Inputs, context) => {
      const ended = ledger?.start(context, heldBy(inputs))
      if (!(await elapsed(millis ?? millisOf(name, inputs), context.signal))) {
        ended?.("stopped")
        throw new Error("told to stop")
      }
      if (context.attempt <= (failing?.(inputs) ?? 0)) {
        ended?.("failed")
        throw new Error(`attempt ${context.attempt} fails`)
      }
      const value = work(inputs)
      ended?.("ok")
      return { [gives]: value }
    }
  }) as Task.Any
}

/** A task whose output is one number. */
export const task = (
  name: string,
  takes: ReadonlyArray<string>,
  gives: string,
  work: (inputs: Inputs) => number,
  besides: Besides = {}
): Task.Any => made(name, takes, gives, Schema.Number, work, besides)

/** A task whose output is a list of numbers. */
export const listing = (
  name: string,
  takes: ReadonlyArray<string>,
  gives: string,
  work: (inputs: Inputs) => ReadonlyArray<number>
): Task.Any => made(name, takes, gives, Schema.Array(Schema.Number) as never, work, {})

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
