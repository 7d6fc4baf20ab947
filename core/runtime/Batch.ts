/** Batches for a Store: bounded in number and in bytes, and split when one member breaks the call. */
import * as Effect from "effect/Effect"

/** The most members of one batch. */
export const MAX_MEMBERS = 500

/** The most bytes of UTF-8 in one batch. A larger member goes alone. */
export const MAX_BYTES: number = 1 << 20

/** How many members, counted from the first, go into the next batch: 0 when there are none, otherwise at least 1. */
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

/** Splits the members into batches of at most 500. */
export const slices = <A>(members: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  if (members.length <= MAX_MEMBERS) return members.length === 0 ? [] : [members]
  const parts: Array<ReadonlyArray<A>> = []
  for (let from = 0; from < members.length; from += MAX_MEMBERS) parts.push(members.slice(from, from + MAX_MEMBERS))
  return parts
}

/**
 * Writes the members. When `write` dies, writes each half by itself, and so on, until the members that cause the defect
 * are alone. Calls `bad` with each of these; all others are written. A failure of `write` or `bad` ends the whole effect.
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
