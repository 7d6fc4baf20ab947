/** The JSON types of parts of a run, and their conversion from the core's values. Values are already JSON text and are not parsed. */
import type { AttemptList, AttemptState } from "../../../core/run/Attempts.ts"
import type { ItemList, ItemState } from "../../../core/run/ItemList.ts"
import { duration, type ErrorDetail, errorDetail, maybeInstant, recordText } from "./RunWire.ts"

/** One row of `GET /runs/{task_id}/steps/{step}/items`: an item, or the items that one call of the task gets together. */
export interface ItemRow {
  /** The index of its first item. */
  readonly index: number
  /** How many items it has. */
  readonly count: number
  readonly status: ItemState["status"]
  /** How many attempts have begun. */
  readonly attempts: number
  /** The error of its first failed item. */
  readonly error: ErrorDetail | null
  /** The item; an array when items are called together. */
  readonly value?: unknown
  /** Its outputs by name, each an array when items are called together. */
  readonly outputs?: Readonly<Record<string, unknown>>
}

/** `GET /runs/{task_id}/steps/{step}/items`. */
export interface Items {
  readonly items: ReadonlyArray<ItemRow>
  /** The `cursor` of the next page; null after the last. */
  readonly next_cursor: string | null
}

/** A list of items as JSON text of an `Items`. */
export const items = (list: ItemList, isBare: boolean, seesStacks: boolean = false): string => {
  const rows = list.items.map((item) => {
    const row = {
      index: item.index * list.size,
      count: item.size,
      status: item.status,
      attempts: item.attempts,
      error: item.error === undefined ? null : errorDetail(item.error, seesStacks)
    } satisfies ItemRow
    const text = JSON.stringify(row)
    return isBare ? text : `${text.slice(0, -1)},"value":${item.value},"outputs":${recordText(item.outputs)}}`
  })
  return `{"items":[${rows.join(",")}],"next_cursor":${JSON.stringify(list.nextCursor ?? null)}}`
}

/** One row of `GET /runs/{task_id}/steps/{step}/attempts`. */
export interface AttemptRow {
  readonly attempt: number
  /** The item that failed or was lost; null for an attempt of the step itself. */
  readonly item: number | null
  /** LOST: its worker was lost, or gave the step back. CANCELLED: its step or run ended meanwhile. */
  readonly status: AttemptState["status"]
  /** null for items: the log does not say when their attempts begin. */
  readonly started_at: string | null
  readonly completed_at: string | null
  readonly duration_ms: number | null
  readonly error: ErrorDetail | null
  readonly worker: string | null
}

/** `GET /runs/{task_id}/steps/{step}/attempts`. */
export interface AttemptsJson {
  readonly attempts: ReadonlyArray<AttemptRow>
  /** The `cursor` of the next page; null after the last. */
  readonly next_cursor: string | null
}

/** Converts a list of attempts. */
export const attempts = ({ attempts, nextCursor }: AttemptList, seesStacks: boolean = false): AttemptsJson => ({
  attempts: attempts.map(({ attempt, item, status, startedAtMillis, completedAtMillis, error, worker }) => ({
    attempt,
    item: item ?? null,
    status,
    started_at: maybeInstant(startedAtMillis),
    completed_at: maybeInstant(completedAtMillis),
    duration_ms: duration(startedAtMillis, completedAtMillis),
    error: error === undefined ? null : errorDetail(error, seesStacks),
    worker: worker ?? null
  })),
  next_cursor: nextCursor ?? null
})

/** `GET /runs/{task_id}/retry`. */
export interface RetriedSteps {
  /** The names of the steps that a retry would run, in the order of the pipeline's steps. */
  readonly steps: ReadonlyArray<string>
}
