/**
 * The indexes of runs, in order of submission: sorted sets of all runs, of unfinished, running, failed and cancelled ones.
 * Each pipeline has the same sets, with `:` and its id behind the name.
 */

import type { RunStatus } from "../../../core/run/Run.ts"
import { MAX_LOOKED } from "../../../core/store/RunFilter.ts"
import type { ListRequest } from "../../../core/store/Store.ts"
import type { Scripts } from "../connection/Scripts.ts"
import { BOUND, KEY, STATUS } from "../lua/Codes.ts"

/** The instant of a place in the order of submission, in milliseconds since 1970. */
export const millisOf = (place: string | null | undefined): number => Math.floor(Number(place) / BOUND.perMilli)

/** Where to find runs of some statuses. */
interface Lookup {
  /** The index that has them. */
  readonly index: string
  /** The first letters of their headers, if the index also has runs of another status. */
  readonly letters: string
  /** An index of only such other runs, which the script skips. */
  readonly others: string
}

const whole = (index: string): Lookup => ({ index, letters: "", others: "" })

const PENDING: Lookup = { index: KEY.unfinished, letters: STATUS.pending, others: KEY.running }

/** Where to find the runs of these statuses. No run is in two of the places. */
const lookupsOf = (statuses: ReadonlySet<RunStatus> | undefined): ReadonlyArray<Lookup> => {
  const has = (status: RunStatus): boolean => statuses === undefined || statuses.has(status)
  const lookups: Array<Lookup> = []
  if (has("PENDING") && has("RUNNING")) lookups.push(whole(KEY.unfinished))
  else if (has("PENDING")) lookups.push(PENDING)
  else if (has("RUNNING")) lookups.push(whole(KEY.running))
  if (has("COMPLETED")) {
    // Completed runs have no index: the script reads all finished ones.
    const letters = STATUS.completed + (has("FAILED") ? STATUS.failed : "") + (has("CANCELLED") ? STATUS.cancelled : "")
    if (letters.length === 3 && lookups[0]?.index === KEY.unfinished && lookups[0].letters === "")
      return [whole(KEY.all)]
    lookups.push({ index: KEY.all, letters, others: KEY.unfinished })
  } else {
    if (has("FAILED")) lookups.push(whole(KEY.failed))
    if (has("CANCELLED")) lookups.push(whole(KEY.cancelled))
  }
  return lookups
}

/** Runs, newest first, and the cursor of the next page. */
export interface Places {
  readonly ids: ReadonlyArray<string>
  /** The place of each run, which is the cursor of a page that begins behind it. */
  readonly places: ReadonlyArray<string>
  readonly nextCursor: string | undefined
}

/** The runs of one of these statuses. The other filters that no index answers are not applied. */
export const page = async (
  scripts: Scripts,
  statuses: ReadonlySet<RunStatus> | undefined,
  { pipelineId, sinceMillis, untilMillis, limit, cursor }: ListRequest
): Promise<Places> => {
  const named = (name: string): string => (name === "" || pipelineId === undefined ? name : `${name}:${pipelineId}`)
  const lookups = lookupsOf(statuses).flatMap(({ index, letters, others }) => [named(index), letters, named(others)])
  const least = sinceMillis === undefined ? "-inf" : Math.ceil(sinceMillis) * BOUND.perMilli
  const until = untilMillis === undefined ? Number.POSITIVE_INFINITY : Math.ceil(untilMillis) * BOUND.perMilli
  const before = Math.min(until, cursor === undefined ? Number.POSITIVE_INFINITY : Number(cursor))
  const ids: Array<string> = []
  const places: Array<string> = []
  let top = before === Number.POSITIVE_INFINITY ? "+inf" : `(${before}`
  for (let looked = 0; ; ) {
    // One more than the limit, to see whether there is another page.
    const most = Math.min(limit + 1 - ids.length, BOUND.reads)
    const answer = await scripts.call("list", [top, least, most, ...lookups])
    const [found, last, count] = answer as readonly [ReadonlyArray<string>, string, number]
    for (let at = 0; at < found.length; at += 2) {
      ids.push(found[at]!)
      places.push(found[at + 1]!)
    }
    if (ids.length > limit) {
      return { ids: ids.slice(0, limit), places: places.slice(0, limit), nextCursor: places[limit - 1] }
    }
    if (last === "") return { ids, places, nextCursor: undefined }
    looked += count
    if (looked >= MAX_LOOKED) return { ids, places, nextCursor: last }
    top = `(${last}`
  }
}
