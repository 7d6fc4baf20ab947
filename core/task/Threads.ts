/** Threads that run the code of tasks beside the main thread. Core knows only this contract; `levada/threads` fulfils it. */
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
  /** How long it may take once a thread has begun it, in milliseconds; unlimited when undefined. */
  readonly timeoutMillis: number | undefined
}

/** What a runtime has of threads. */
export interface Threads {
  /**
   * Calls the module's function in a thread and gives what it returns. Waits while all threads are at work. Fails with
   * the function's own error; ends the thread when it is interrupted.
   */
  readonly call: (call: ThreadCall) => Effect.Effect<unknown, unknown>
}

/** The threads of this program. By default there are none, and every call fails with `ThreadsUnavailable`. */
export const Threads: Context.Reference<Threads> = Context.Reference("levada/Threads", {
  defaultValue: (): Threads => ({ call: ({ task }) => Effect.fail(new ThreadsUnavailable(task)) })
})
