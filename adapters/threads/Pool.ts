/** A pool of threads. Each runs one call at a time. */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { ThreadCall, Threads } from "../../core/task/Threads.ts"
import { ThreadsUnavailable } from "../../core/values/Errors.ts"
import { uncopied } from "./Copying.ts"
import { Thread } from "./Thread.ts"
import { workerThreads } from "./WorkerThreads.ts"

/** Threads that start on first use and are kept for later calls. */
export class Pool implements Threads {
  /** Calls wait here for a thread, in the order in which they came. */
  readonly #free: Semaphore.Semaphore
  readonly #maxIdle: number
  readonly #idle: Array<Thread> = []
  readonly #all: Set<Thread> = new Set()
  #isClosed = false

  constructor(size: number, maxIdle: number) {
    this.#free = Semaphore.makeUnsafe(size)
    this.#maxIdle = maxIdle
  }

  readonly call = (call: ThreadCall): Effect.Effect<unknown, unknown> =>
    Effect.suspend(() => {
      const mistake = uncopied(call.inputs)
      return mistake === undefined ? this.#free.withPermit(this.#run(call)) : Effect.fail(mistake)
    })

  /** Terminates all threads. Synchronous if there are none, so that `Levada.make` can throw synchronously. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#isClosed = true
    const all = [...this.#all]
    return all.length === 0 ? Effect.void : Effect.promise(() => Promise.all(all.map((thread) => thread.terminate())))
  })

  #run(call: ThreadCall): Effect.Effect<unknown, unknown> {
    return Effect.acquireUseRelease(
      this.#acquire(call.task),
      (thread) =>
        Effect.callback<unknown, unknown>((resume) => {
          // Without a result the thread ended before it called the module, so another thread runs the call.
          thread.begin(call, (result) => resume(result ?? this.#run(call)))
          return Effect.promise(() => thread.stop())
        }),
      (thread) => Effect.sync(() => this.#release(thread))
    )
  }

  #acquire(task: string): Effect.Effect<Thread, ThreadsUnavailable> {
    return Effect.suspend(() => {
      if (this.#isClosed) return Effect.fail(new ThreadsUnavailable(task, "this program is shutting down"))
      for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
        if (!idle.isOver) return Effect.succeed(idle)
      }
      const runtime = workerThreads()
      if (runtime === undefined)
        return Effect.fail(new ThreadsUnavailable(task, "this runtime has none; Node, Bun and Deno have"))
      const thread = new Thread(runtime, this.#forget)
      this.#all.add(thread)
      return Effect.succeed(thread)
    })
  }

  readonly #forget = (thread: Thread): void => {
    this.#all.delete(thread)
    const at = this.#idle.indexOf(thread)
    if (at !== -1) this.#idle.splice(at, 1)
  }

  #release(thread: Thread): void {
    if (thread.isOver) return
    if (this.#idle.length < this.#maxIdle) this.#idle.push(thread)
    else void thread.terminate()
  }
}
