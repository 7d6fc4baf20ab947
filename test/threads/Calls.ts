/** Calls of the fixtures, straight to a pool. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Threads as Pools } from "../../adapters/threads/index.ts"
import type * as Task from "../../core/task/Task.ts"
import { type ThreadCall, Threads } from "../../core/task/Threads.ts"

export const moduleOf = (name: string): URL => new URL(`./fixtures/${name}.ts`, import.meta.url)

const CONTEXT: Task.TaskContext = {
  runId: "r",
  pipelineId: "p",
  step: "s",
  item: undefined,
  attempt: 1,
  traceparent: undefined,
  signal: new AbortController().signal,
  progress: () => undefined,
  log: () => undefined
}

export const callOf = (
  name: string,
  inputs: Readonly<Record<string, unknown>> = {},
  context: Partial<Task.TaskContext> = {},
  timeoutMillis?: number
): ThreadCall => ({
  task: name,
  module: moduleOf(name).href,
  inputs,
  context: { ...CONTEXT, ...context },
  timeoutMillis
})

/** Runs something with threads, which end afterwards. */
export const withThreads = <A>(
  options: Pools.Options,
  use: (
    call: (...about: Parameters<typeof callOf>) => Effect.Effect<unknown, unknown>
  ) => Effect.Effect<A, unknown, Scope.Scope>
): Promise<A> =>
  Effect.gen(function* () {
    const context = yield* Layer.build(Pools.layer(options))
    const threads = Context.get(context as Context.Context<never>, Threads)
    return yield* use((...about) => threads.call(callOf(...about)))
  }).pipe(Effect.scoped, Effect.runPromise)

/** Lets the event loop turn, so many times. */
export const turns = (count: number): Effect.Effect<void> =>
  Effect.promise(async () => {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve))
  })
