/**
 * The indexes of runs by when they were submitted: sorted sets of all runs and of those that are not over, and for each
 * status but two of its own; the same again for each pipeline, with `:` and its id behind the name.
 */

import type { RunStatus } from "../../../core/run/Run.ts"
import type { ListRequest } from "../../../core/store/Store.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { PER_MILLI } from "../lua/Codes.ts"
import { MOST } from "../lua/LuaReading.ts"

/** The instant that a place in the order of submission says, in milliseconds since 1970. */
export const millisOf = (place: string | null | undefined): number => Math.floor(Number(place) / PER_MILLI)

/** How many runs one list looks at; then it ends with a cursor. */
const MAX_LOOKED = 5_000

/** Where runs of a status are: an index; what their headers begin with if others are there too, and an index of such others. */
interface Place {
  readonly index: string
  readonly letter: string
  readonly others: string
}

const ALL: Place = { index: "all", letter: "", others: "" }

const PLACES: Readonly<Record<RunStatus, Place>> = {
  PENDING: { index: "unfinished", letter: "P", others: "running" },
  RUNNING: { index: "running", letter: "", others: "" },
  COMPLETED: { index: "all", letter: "C", others: "unfinished" },
  FAILED: { index: "failed", letter: "", others: "" },
  CANCELLED: { index: "cancelled", letter: "", others: "" }
}

/** The ids of runs, newest first, and where the list goes on. */
export const page = async (
  scripts: Scripts,
  { pipelineId, status, sinceMillis, untilMillis, limit, cursor }: ListRequest
): Promise<{ readonly ids: ReadonlyArray<string>; readonly nextCursor: string | undefined }> => {
  const { index, letter, others } = status === undefined ? ALL : PLACES[status]
  const named = (name: string): string => (name === "" || pipelineId === undefined ? name : `${name}:${pipelineId}`)
  const least = sinceMillis === undefined ? "-inf" : Math.ceil(sinceMillis) * PER_MILLI
  const until = untilMillis === undefined ? Number.POSITIVE_INFINITY : Math.ceil(untilMillis) * PER_MILLI
  const before = Math.min(until, cursor === undefined ? Number.POSITIVE_INFINITY : Number(cursor))
  const ids: Array<string> = []
  const scores: Array<string> = []
  let top = before === Number.POSITIVE_INFINITY ? "+inf" : `(${before}`
  for (let looked = 0; ; ) {
    // One more than is wanted says whether anything is left.
    const most = Math.min(limit + 1 - ids.length, MOST)
    const args = [named(index), top, least, most, letter, named(others)]
    const [found, last, count] = (await scripts.call("list", args)) as readonly [ReadonlyArray<string>, string, number]
    for (let at = 0; at < found.length; at += 2) {
      ids.push(found[at]!)
      scores.push(found[at + 1]!)
    }
    if (ids.length > limit) return { ids: ids.slice(0, limit), nextCursor: scores[limit - 1] }
    if (last === "") return { ids, nextCursor: undefined }
    looked += count
    if (looked >= MAX_LOOKED) return { ids, nextCursor: last }
    top = `(${last}`
  }
}
