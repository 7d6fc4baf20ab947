/** One thing after the other, at once where that can be: no fiber has to be started for what is there already. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** What follows a success. Where that is there already, so may what follows be. */
export const after = <A, E, B, E2>(
  first: Effect.Effect<A, E>,
  next: (value: A) => Effect.Effect<B, E2>
): Effect.Effect<B, E | E2> =>
  Exit.isExit(first) && Exit.isSuccess(first) ? next(first.value as A) : Effect.flatMap(first, next)
