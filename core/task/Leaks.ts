/** Leaked errors: thrown by a task's callbacks, or rejections of Promises that the task did not return. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** The attempt that a leaked error belongs to. */
export interface LeakOwner {
  /** Called with each error that the attempt leaked. */
  readonly leaked: (error: unknown) => void
}

/** Assigns leaked errors to attempts, so that they do not end the program. */
export interface Leaks {
  /** Calls a function and returns its result. Errors that the function leaks, then or later, belong to the owner. */
  readonly within: <A>(owner: LeakOwner, call: () => A) => A
  /** Starts an effect in a detached fiber, at once. Errors that it leaks belong to the owner. */
  readonly fork: <A, E>(owner: LeakOwner, effect: Effect.Effect<A, E>) => Effect.Effect<Fiber.Fiber<A, E>>
}

/** The Leaks service. Default: undefined; then a leaked error is unhandled, as anywhere in the program. */
export const Leaks: Context.Reference<Leaks | undefined> = Context.Reference<Leaks | undefined>("levada/Leaks", {
  defaultValue: () => undefined
})
