/** A pool of threads, each at work on one call at a time. */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { ThreadCall, Threads } from "../../core/task/Threads.ts"
import { ThreadsUnavailable } from "../../core/values/Errors.ts"
import { uncopied } from "./Copying.ts"
import { Thread } from "./Thread.ts"
import { workerThreads } from "./WorkerThreads.ts"

/** Threads, started when they are needed and kept for the next call. */
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
      return mistake === undefined ? this.#free.withPermit(this.#calling(call)) : Effect.fail(mistake)
    })

  /** Terminates all threads; synchronous where there are none, so that a program which can't be made says so at once. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#isClosed = true
    const all = [...this.#all]
    return all.length === 0 ? Effect.void : Effect.promise(() => Promise.all(all.map((thread) => thread.terminate())))
  })

  #calling(call: ThreadCall): Effect.Effect<unknown, unknown> {
    return Effect.acquireUseRelease(
      this.#take(call.task),
      (thread) =>
        Effect.callback<unknown, unknown>((resume) => {
          // A thread that a task before has ended never called the module.
          thread.begin(call, (ended) => resume(ended ?? this.#calling(call)))
          return Effect.promise(() => thread.stop())
        }),
      (thread) => Effect.sync(() => this.#giveBack(thread))
    )
  }

  #take(task: string): Effect.Effect<Thread, ThreadsUnavailable> {
    return Effect.suspend(() => {
      if (this.#isClosed) return Effect.fail(new ThreadsUnavailable(task, "the program's threads are closed"))
      for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
        if (!idle.isOver) return Effect.succeed(idle)
      }
      const runtime = workerThreads()
      if (runtime === undefined) return Effect.fail(new ThreadsUnavailable(task, "this runtime has no threads"))
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

  #giveBack(thread: Thread): void {
    if (thread.isOver) return
    if (this.#idle.length < this.#maxIdle) this.#idle.push(thread)
    else void thread.terminate()
  }
}
