/** What tasks leak: errors that are thrown, or Promises that are rejected, outside of what the task returned. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** An attempt that may leak. */
export interface LeakOwner {
  /** It has leaked this error. */
  readonly leaked: (error: unknown) => void
}

/** Knows to which attempt a leaked error belongs, and keeps it from ending the program. */
export interface Leaks {
  /** Calls a function, and gives what it gives. What it leaks, then or later, is its owner's. */
  readonly within: <A>(owner: LeakOwner, call: () => A) => A
  /** Runs an effect at once, in a fiber without a parent. */
  readonly fork: <A, E>(owner: LeakOwner, effect: Effect.Effect<A, E>) => Effect.Effect<Fiber.Fiber<A, E>>
}

/** The key of the Leaks service. Default: none, and what a task leaks is the program's, as anywhere else. */
export const Leaks: Context.Reference<Leaks | undefined> = Context.Reference<Leaks | undefined>("levada/Leaks", {
  defaultValue: () => undefined
})
