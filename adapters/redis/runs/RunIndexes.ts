/**
 * The indexes of runs, in order of submission: sorted sets of all runs, of unfinished, running, failed and cancelled ones.
 * Each pipeline has the same sets, with `:` and its id behind the name.
 */

import type { RunStatus } from "../../../core/run/Run.ts"
import type { ListRequest } from "../../../core/store/Store.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { BOUND, KEY, STATUS } from "../lua/Codes.ts"

/** The instant of a place in the order of submission, in milliseconds since 1970. */
export const millisOf = (place: string | null | undefined): number => Math.floor(Number(place) / BOUND.perMilli)

/** How many runs one list reads at most; then it ends with a cursor. */
const MAX_LOOKED = 5_000

/** How to find the runs of a status. */
interface Lookup {
  /** The index that has them. */
  readonly index: string
  /** The first letter of their headers, if the index also has runs of another status. */
  readonly letter: string
  /** An index of only such other runs, which the script skips. */
  readonly others: string
}

const ALL: Lookup = { index: KEY.all, letter: "", others: "" }

const LOOKUPS: Readonly<Record<RunStatus, Lookup>> = {
  PENDING: { index: KEY.unfinished, letter: STATUS.pending, others: KEY.running },
  RUNNING: { index: KEY.running, letter: "", others: "" },
  COMPLETED: { index: KEY.all, letter: STATUS.completed, others: KEY.unfinished },
  FAILED: { index: KEY.failed, letter: "", others: "" },
  CANCELLED: { index: KEY.cancelled, letter: "", others: "" }
}

/** The ids of runs, newest first, and the cursor of the next page. */
export const page = async (
  scripts: Scripts,
  { pipelineId, status, sinceMillis, untilMillis, limit, cursor }: ListRequest
): Promise<{ readonly ids: ReadonlyArray<string>; readonly nextCursor: string | undefined }> => {
  const { index, letter, others } = status === undefined ? ALL : LOOKUPS[status]
  const named = (name: string): string => (name === "" || pipelineId === undefined ? name : `${name}:${pipelineId}`)
  const least = sinceMillis === undefined ? "-inf" : Math.ceil(sinceMillis) * BOUND.perMilli
  const until = untilMillis === undefined ? Number.POSITIVE_INFINITY : Math.ceil(untilMillis) * BOUND.perMilli
  const before = Math.min(until, cursor === undefined ? Number.POSITIVE_INFINITY : Number(cursor))
  const ids: Array<string> = []
  const scores: Array<string> = []
  let top = before === Number.POSITIVE_INFINITY ? "+inf" : `(${before}`
  for (let looked = 0; ; ) {
    // One more than the limit, to see whether there is another page.
    const most = Math.min(limit + 1 - ids.length, BOUND.reads)
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
