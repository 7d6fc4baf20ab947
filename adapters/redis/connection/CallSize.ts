/** Bounds of one call to Redis. Longer input is split into several calls, so that none occupies the server or the link for long. */

import { MAX_BYTES, MAX_MEMBERS } from "../../../core/runtime/Batch.ts"
import * as Bytes from "../../../core/values/Bytes.ts"

export { MAX_BYTES, MAX_MEMBERS } from "../../../core/runtime/Batch.ts"

/** Splits a list into parts of at most `maxMembers` members and `MAX_BYTES`. A member with more bytes is a part of its own. */
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

/** The bytes of a text in UTF-8. For a short text, its length: exact for ASCII. */
export const bytesOfText = (text: string): number => (text.length < 1_024 ? text.length : Bytes.ofText(text))
