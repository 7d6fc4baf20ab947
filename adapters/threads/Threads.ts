/** Threads for tasks that compute, on Node, Bun and Deno. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Threads } from "../../core/task/Threads.ts"
import type { InvalidOption } from "../../core/values/Errors.ts"
import * as OptionCheck from "../../core/values/OptionCheck.ts"
import { Pool } from "./Pool.ts"
import { cores } from "./WorkerThreads.ts"

/** How many threads there are. */
export interface Options {
  /** How many calls run at once, each in a thread of its own; others wait. 1 to 1,024. Default: the cores but one, at least 1 and at most 16. */
  readonly size?: number
  /** How many threads are kept while they have nothing to do. Default: all. */
  readonly maxIdle?: number
}

const MAX_SIZE = 1_024
const MAX_DEFAULT = 16

/**
 * Threads for the tasks that ask for one. A thread starts when a call needs it, and all end with the layer. Fails with
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
