/** Batches for a Store: bounded in number and in bytes, and divided where the Store breaks over one of their members. */
import * as Effect from "effect/Effect"

/** The most members of one call. */
export const MAX_MEMBERS = 500

/** About how many bytes of UTF-8 the members of one call have together; a larger one goes alone. */
export const MAX_BYTES: number = 1 << 20

/** How many of the first members go into one call; at least 1 where there is one. */
export const first = <A>(members: ReadonlyArray<A>, bytesOf: (member: A) => number): number => {
  const most = Math.min(members.length, MAX_MEMBERS)
  if (most <= 1) return most
  let bytes = 0
  for (let count = 0; count < most; count++) {
    bytes += bytesOf(members[count]!)
    if (bytes > MAX_BYTES) return Math.max(count, 1)
  }
  return most
}

/** The members in calls of at most 500. */
export const slices = <A>(members: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  if (members.length <= MAX_MEMBERS) return members.length === 0 ? [] : [members]
  const parts: Array<ReadonlyArray<A>> = []
  for (let from = 0; from < members.length; from += MAX_MEMBERS) parts.push(members.slice(from, from + MAX_MEMBERS))
  return parts
}

/**
 * Calls `write` with the members. Where it dies it is called with each half of them, and so on, until the members that it
 * dies of are alone: these are given to `bad`, and all others are written. What fails, without dying, ends it.
 */
export const divided = <A, E>(
  members: ReadonlyArray<A>,
  write: (members: ReadonlyArray<A>) => Effect.Effect<unknown, E>,
  bad: (member: A, defect: unknown) => Effect.Effect<unknown, E>
): Effect.Effect<void, E> =>
  Effect.catchDefect(Effect.asVoid(Effect.suspend(() => write(members))), (defect): Effect.Effect<void, E> => {
    if (members.length <= 1) return members.length === 0 ? Effect.void : Effect.asVoid(bad(members[0]!, defect))
    const half = members.length >> 1
    return Effect.andThen(
      divided(members.slice(0, half), write, bad),
      Effect.suspend(() => divided(members.slice(half), write, bad))
    )
  })
