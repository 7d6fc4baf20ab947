/** Tasks that run until a test opens a gate or they are interrupted, so that no test has to guess how long. */
import * as Schema from "effect/Schema"
import { Pipeline, Step, Task } from "../../adapters/promise/index.ts"

const N = Schema.Number

/** A gate in front of the tasks of a test. */
export class Gate {
  /** The attempts that have begun, as the name of their worker and their `n`. */
  readonly begun: Array<string> = []
  /** The attempts that were interrupted. */
  readonly stopped: Array<string> = []
  /** How many attempts run now, and the most that ran at the same time. */
  there = 0
  most = 0
  readonly #opened: PromiseWithResolvers<void> = Promise.withResolvers()

  open(): void {
    this.#opened.resolve()
  }

  async pass(name: string, signal: AbortSignal): Promise<void> {
    this.begun.push(name)
    this.there++
    this.most = Math.max(this.most, this.there)
    const stop = Promise.withResolvers<never>()
    signal.addEventListener(
      "abort",
      () => {
        this.stopped.push(name)
        stop.reject(new Error("told to stop"))
      },
      { once: true }
    )
    try {
      await Promise.race([this.#opened.promise, stop.promise])
    } finally {
      this.there--
    }
  }
}

type Hold = Omit<
  Task.Options<{ readonly n: typeof N }, { readonly held: typeof N }, unknown>,
  "input" | "output" | "run"
>

/** A step that waits at a gate. The pipeline is the same for each worker. */
export const hold = (gate: Gate, who = "", more: Hold = {}) =>
  Task.make("hold", {
    input: { n: N },
    output: { held: N },
    ...more,
    run: async ({ n }, { signal }) => {
      await gate.pass(`${who}${n}`, signal)
      return { held: n }
    }
  })

const then = Task.make("then", { input: { held: N }, output: { next: N }, run: ({ held }) => ({ next: held + 1 }) })

/** Two steps, of which the first waits at a gate. */
export const held = (gate: Gate, who = "", more: Hold = {}) => Pipeline.make("held", [hold(gate, who, more), then])

/** One step for each number, each of which waits at a gate. */
export const heldItems = (gate: Gate, who = "") =>
  Pipeline.make("items", [Step.map(hold(gate, who), { over: { n: "ns" } })])

/** A pipeline that does not wait. */
export const doubling = Pipeline.make("doubling", [
  Task.make("double", { input: { n: N }, output: { doubled: N }, run: ({ n }) => ({ doubled: n * 2 }) })
])
