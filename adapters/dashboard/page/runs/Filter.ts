/** The filter of the list of runs: read from the address of the view, and turned into a query of the API. */
import type { RunRow } from "../../../http/runs/RunWire.ts"
import { query } from "../data/Connection.ts"

/** The filter, as it is in the address. A range such as `24h` counts back from the moment of loading. */
export interface Filter {
  readonly status?: string
  readonly pipeline_id?: string
  readonly range?: string
  readonly since?: string
  readonly until?: string
  readonly failed_step?: string
  readonly error?: string
  readonly min_duration_ms?: string
  readonly max_duration_ms?: string
  readonly cursor?: string
}

/** Ranges by name, in milliseconds. */
export const RANGES: { readonly [name: string]: readonly [title: string, millis: number] } = {
  "15m": ["Last 15 minutes", 900_000],
  "1h": ["Last hour", 3_600_000],
  "24h": ["Last 24 hours", 86_400_000],
  "7d": ["Last 7 days", 604_800_000]
}

export const STATUSES: ReadonlyArray<RunRow["status"]> = ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]

/** The range of that name; an address may have any text. */
const rangeOf = ({ range = "" }: Filter): readonly [title: string, millis: number] | undefined =>
  Object.hasOwn(RANGES, range) ? RANGES[range] : undefined

/** The chosen statuses. */
export const statusesOf = ({ status = "" }: Filter): ReadonlyArray<string> =>
  status === "" ? [] : status.split(",").filter((one) => STATUSES.some((known) => known === one))

/** How many runs a page of the list has. */
const PAGE = 50

/** The filter in the API's words, without the place in the list. The same range gives the same instant for a minute. */
export const toApi = (filter: Filter, now: number): { readonly [key: string]: string } => {
  const range = rangeOf(filter)
  const { pipeline_id, until, failed_step, error, min_duration_ms, max_duration_ms } = filter
  const since =
    range === undefined ? filter.since : new Date(Math.floor(now / 60_000) * 60_000 - range[1]).toISOString()
  const given = {
    status: statusesOf(filter).join(","),
    pipeline_id,
    since,
    until,
    failed_step,
    error,
    min_duration_ms,
    max_duration_ms
  }
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => (entry[1] ?? "") !== ""))
}

/** The path of the list. */
export const pathOf = (filter: Filter, now: number): string =>
  `/runs${query({ ...toApi(filter, now), limit: PAGE, cursor: filter.cursor })}`

/** The filter in words: `Failed or cancelled, of extract, last hour`. */
export const wordsOf = (filter: Filter): string => {
  const parts = [
    statusesOf(filter)
      .map((status) => status.toLowerCase())
      .join(" or "),
    filter.pipeline_id && `of the pipeline ${filter.pipeline_id}`,
    rangeOf(filter)?.[0].toLowerCase(),
    filter.since && `submitted since ${filter.since}`,
    filter.until && `submitted before ${filter.until}`,
    filter.failed_step && `failed in step ${filter.failed_step}`,
    filter.error && `with “${filter.error}” in the error`,
    filter.min_duration_ms && `at least ${filter.min_duration_ms} ms long`,
    filter.max_duration_ms && `at most ${filter.max_duration_ms} ms long`
  ].filter((part) => part)
  return parts.length === 0 ? "all runs" : `runs: ${parts.join(", ")}`
}
