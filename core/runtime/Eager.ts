/** `Effect.flatMap` that runs synchronously when it can. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** Calls `next` synchronously when `first` is already a successful Exit, so that no fiber is started; flat-maps otherwise. */
export const after = <A, E, B, E2>(
  first: Effect.Effect<A, E>,
  next: (value: A) => Effect.Effect<B, E2>
): Effect.Effect<B, E | E2> =>
  Exit.isExit(first) && Exit.isSuccess(first) ? next(first.value as A) : Effect.flatMap(first, next)
