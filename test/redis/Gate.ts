/** Work that goes on until it is let go or told to stop, so that no test has to guess how long. */
import * as Schema from "effect/Schema"
import { Pipeline, Step, Task } from "../../adapters/promise/index.ts"

const N = Schema.Number

/** A gate in front of the tasks of a test. */
export class Gate {
  /** Which attempts have come so far, by the name of who ran them and their `n`. */
  readonly begun: Array<string> = []
  /** Which of them were told to stop. */
  readonly stopped: Array<string> = []
  /** How many are there, and how many there have been at once. */
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

/** A step that waits at a gate. Of whichever worker it is, the pipeline is the same. */
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

/** Nothing to wait for. */
export const doubling = Pipeline.make("doubling", [
  Task.make("double", { input: { n: N }, output: { doubled: N }, run: ({ n }) => ({ doubled: n * 2 }) })
])
