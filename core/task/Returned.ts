/** Turns the return value of a task into an Effect. A task may return a value, a Promise or an Effect. */
import * as Effect from "effect/Effect"

/** The return value of a task as an Effect. */
export const effectOf = (returned: unknown): Effect.Effect<unknown, unknown> => {
  if (Effect.isEffect(returned)) return returned as Effect.Effect<unknown, unknown>
  // @effect-diagnostics-next-line unknownInEffectCatch:off - a task may reject with anything
  return isPromiseLike(returned)
    ? Effect.tryPromise({ try: () => returned, catch: (error) => error })
    : Effect.succeed(returned)
}

/** Whether a value is a Promise or another object with a `then` method. */
export const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
