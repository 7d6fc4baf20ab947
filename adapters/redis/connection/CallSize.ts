/** How much goes to Redis in one call: what is more is sent in several, so that no call keeps the server or the way there long. */

import * as Bytes from "../../../core/values/Bytes.ts"

/** About how many bytes one call has at most, unless one member alone has more. */
export const MAX_BYTES: number = 1 << 20

/** How many members one call has at most. */
export const MAX_MEMBERS = 500

/** Cuts a list into parts, each of at most so many members and bytes; a member that has more is a part of its own. */
export const slices = <A>(
  members: ReadonlyArray<A>,
  bytesOf: (member: A) => number,
  maxMembers: number = MAX_MEMBERS
): ReadonlyArray<ReadonlyArray<A>> => {
  const parts: Array<ReadonlyArray<A>> = []
  let from = 0
  let bytes = 0
  for (let at = 0; at < members.length; at++) {
    const more = bytesOf(members[at]!)
    if (at > from && (at - from >= maxMembers || bytes + more > MAX_BYTES)) {
      parts.push(members.slice(from, at))
      from = at
      bytes = 0
    }
    bytes += more
  }
  if (from < members.length) parts.push(from === 0 ? members : members.slice(from))
  return parts
}

/** The bytes of a text; those of a short one by its length, which is right for most. */
export const bytesOfText = (text: string): number => (text.length < 1_024 ? text.length : Bytes.ofText(text))
