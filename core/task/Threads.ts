/** The contract of threads that run tasks beside the main thread. `levada/threads` implements it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { ThreadsUnavailable } from "../values/Errors.ts"
import type { TaskContext } from "./TaskContext.ts"

/** One call of a task's module. */
export interface ThreadCall {
  /** The name of the task. */
  readonly task: string
  /** The absolute URL of the module. */
  readonly module: string
  readonly inputs: Readonly<Record<string, unknown>>
  readonly context: TaskContext
  /** How long the call may take from its start in a thread, in milliseconds; unlimited when undefined. */
  readonly timeoutMillis: number | undefined
}

/** The threads of a runtime. */
export interface Threads {
  /**
   * Calls the module's function in a thread and returns its result. Waits while all threads are busy. Fails with the
   * function's own error. An interruption ends the thread.
   */
  readonly call: (call: ThreadCall) => Effect.Effect<unknown, unknown>
}

/** The threads of this program. By default there are none, and every call fails with `ThreadsUnavailable`. */
export const Threads: Context.Reference<Threads> = Context.Reference("levada/Threads", {
  defaultValue: (): Threads => ({ call: ({ task }) => Effect.fail(new ThreadsUnavailable(task)) })
})
