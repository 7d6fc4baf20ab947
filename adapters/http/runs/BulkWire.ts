/** The JSON types of answers about many runs, and their conversion from the core's values. */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Member, Members } from "../../../core/operations/Operations.ts"
import type { Run } from "../../../core/run/Run.ts"
import { type Failure, shown } from "../server/Failures.ts"
import type { Cancelling, Started } from "./RunWire.ts"

/** A run that could not be retried or cancelled. */
export interface Unchanged {
  readonly task_id: string
  /** The name of the failure, such as `RunNotFoundError`. */
  readonly error: string
  readonly message: string
}

/** A run that was retried, and the id of the new run. */
export interface Retried extends Started {
  readonly new_task_id: string
}

/** The answer to a request about many runs: one result for each run, in order. */
export interface Results<Result> {
  readonly results: ReadonlyArray<Result | Unchanged>
  /** The `filter.cursor` of the next request; null after the last run. */
  readonly next_cursor: string | null
}

/** `POST /runs/retry`. */
export type ManyRetried = Results<Retried>

/** `POST /runs/cancel`. */
export type ManyCancelled = Results<Cancelling>

const results =
  <A, Result>(convert: (runId: string, value: A) => Result) =>
  ({ members, nextCursor }: Members<A, Failure>): Results<Result> => ({
    results: members.map(({ runId, exit }: Member<A, Failure>) =>
      Exit.isSuccess(exit)
        ? convert(runId, exit.value)
        : { task_id: runId, ...shown(Option.getOrUndefined(Cause.findErrorOption(exit.cause))) }
    ),
    next_cursor: nextCursor ?? null
  })

/** Converts the results of retries. */
export const manyRetried: (of: Members<string, Failure>) => ManyRetried = results((task_id, new_task_id: string) => ({
  task_id,
  status: "STARTED",
  new_task_id
}))

/** Converts the results of cancellations. */
export const manyCancelled: (of: Members<Run, Failure>) => ManyCancelled = results((task_id, { status }: Run) => ({
  task_id,
  status
}))
