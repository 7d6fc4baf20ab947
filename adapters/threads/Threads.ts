/** Threads for CPU-bound tasks, on Node, Bun and Deno. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Threads } from "../../core/task/Threads.ts"
import type { InvalidOption } from "../../core/values/Errors.ts"
import * as OptionCheck from "../../core/values/OptionCheck.ts"
import { Pool } from "./Pool.ts"
import { cores } from "./WorkerThreads.ts"

/** Options of the pool of threads. */
export interface Options {
  /** How many calls may run at the same time, each in its own thread; others wait. 1 to 1,024. Default: one less than the number of cores, at least 1 and at most 16. */
  readonly size?: number
  /** How many idle threads are kept, 0 to 1,024. Default: all. */
  readonly maxIdle?: number
}

const MAX_SIZE = 1_024
const MAX_DEFAULT = 16

/**
 * Threads for tasks with the option `thread`. A thread starts when a call needs it; all end with the layer. Fails with
 * `InvalidOption`.
 */
export const layer = (options: Options = {}): Layer.Layer<never, InvalidOption> =>
  Layer.effect(
    Threads,
    Effect.suspend(() => {
      const mistake = invalid(options)
      if (mistake !== undefined) return Effect.fail(mistake)
      const { size = Math.min(Math.max(cores() - 1, 1), MAX_DEFAULT), maxIdle = size } = options
      return Effect.acquireRelease(
        Effect.sync(() => new Pool(size, maxIdle)),
        (pool) => pool.close
      )
    })
  )

const invalid = (options: Options): InvalidOption | undefined =>
  OptionCheck.required(OptionCheck.record, "threads", options) ??
  OptionCheck.integer("threads.size", options.size, 1, MAX_SIZE) ??
  OptionCheck.integer("threads.maxIdle", options.maxIdle, 0, MAX_SIZE)
