/** Operations on many runs at once. Each run is permitted, counted and recorded like the operation on it alone. */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { Guard, GuardError } from "../access/Guard.ts"
import { type Run, type RunStatus, UNFINISHED } from "../run/Run.ts"
import type { ListRequest, Store } from "../store/Store.ts"
import { InvalidOption, type RunNotFound } from "../values/Errors.ts"
import { MAX_NAME_LENGTH } from "../values/Name.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import type { Caller } from "../values/Principal.ts"
import * as Text from "../values/Text.ts"
import type { RetryError, RunOperations } from "./RunOperations.ts"
import * as RunPages from "./RunPages.ts"

/**
 * The runs of a request: by id, at most 200, where the same id may come several times; or those of a list that the caller
 * may read and execute, at most `limit` (1 to 200).
 */
export type Selection =
  | { readonly runIds: ReadonlyArray<string> }
  | { readonly filter: Omit<ListRequest, "limit">; readonly limit: number }

/** What became of one run. Several members of the same id have the same exit. */
export interface Member<A, E> {
  readonly runId: string
  readonly exit: Exit.Exit<A, E>
}

/** What became of the runs, in the order of the request or of the list. */
export interface Members<A, E> {
  readonly members: ReadonlyArray<Member<A, E>>
  /** The `cursor` of the filter that goes on behind these runs; undefined after the last, and for runs by id. */
  readonly nextCursor: string | undefined
}

/** Operations on many runs. A run that fails costs the others nothing. */
export interface BulkOperations {
  /** Retries each run as `retry` does, and gives the ids of the new runs. A filter without statuses means FAILED and CANCELLED runs. */
  readonly retryMany: (
    caller: Caller,
    selection: Selection
  ) => Effect.Effect<Members<string, RetryError>, InvalidOption | GuardError>
  /** Cancels each run as `cancel` does, and gives the runs. A filter without statuses means unfinished runs. */
  readonly cancelMany: (
    caller: Caller,
    selection: Selection,
    reason?: string
  ) => Effect.Effect<Members<Run, RunNotFound | InvalidOption | GuardError>, InvalidOption | GuardError>
}

/** The most runs of one request. */
export const MAX_MEMBERS = 200

/** How many runs are changed at the same time. */
const AT_ONCE = 8

const RETRIED: ReadonlyArray<RunStatus> = ["FAILED", "CANCELLED"]

/** Makes the operations on many runs. */
export const make = (
  store: Store,
  guard: Guard,
  { retry, cancel }: Pick<RunOperations, "retry" | "cancel">
): BulkOperations => {
  /** Lets the guard refuse a caller that may execute nothing. For other callers, it checks each run. */
  const mayAny = (caller: Caller): Effect.Effect<void, GuardError> =>
    guard.may(caller, { permission: "execute" }) ? Effect.void : guard.check(caller, { permission: "execute" })

  const refused = (caller: Caller, mistake: InvalidOption): Effect.Effect<never, InvalidOption | GuardError> =>
    Effect.andThen(guard.check(caller, { permission: "execute" }), Effect.fail(mistake))

  const selected = (
    caller: Caller,
    selection: Selection,
    statuses: ReadonlyArray<RunStatus>
  ): Effect.Effect<
    { readonly runIds: ReadonlyArray<string>; readonly nextCursor: string | undefined },
    InvalidOption | GuardError
  > => {
    const mistake = invalid(selection)
    if (mistake !== undefined) return refused(caller, mistake)
    if ("runIds" in selection) {
      return Effect.as(mayAny(caller), { runIds: selection.runIds, nextCursor: undefined })
    }
    const { filter, limit } = selection
    const request = { ...filter, statuses: filter.statuses ?? statuses, limit }
    return Effect.map(RunPages.page(store, guard, caller, "execute", request), ({ runs, nextCursor }) => ({
      runIds: runs.map(({ id }) => id),
      nextCursor
    }))
  }

  const each = <A, E>(
    caller: Caller,
    selection: Selection,
    statuses: ReadonlyArray<RunStatus>,
    act: (runId: string) => Effect.Effect<A, E>
  ): Effect.Effect<Members<A, E>, InvalidOption | GuardError> =>
    Effect.gen(function* () {
      const { runIds, nextCursor } = yield* selected(caller, selection, statuses)
      const acting = (runId: string) => {
        const logged = Effect.tapDefect(act(runId), (defect) =>
          Effect.annotateLogs(Effect.logError("One run of many failed with an unexpected error", defect), {
            run: Text.clip(runId, MAX_NAME_LENGTH)
          })
        )
        return Effect.map(Effect.exit(logged), (exit) => [runId, exit] as const)
      }
      const exits = new Map(yield* Effect.forEach(new Set(runIds), acting, { concurrency: AT_ONCE }))
      return { members: runIds.map((runId) => ({ runId, exit: exits.get(runId)! })), nextCursor }
    })

  return {
    retryMany: (caller, selection) => each(caller, selection, RETRIED, (runId) => retry(caller, runId)),
    cancelMany: (caller, selection, reason) =>
      reason === undefined || typeof reason === "string"
        ? each(caller, selection, UNFINISHED, (runId) => cancel(caller, runId, reason))
        : refused(caller, new InvalidOption("reason", reason, "a string"))
  }
}

/** The first mistake in a selection, except in its filter. */
const invalid = (selection: Selection): InvalidOption | undefined => {
  const unreadable = OptionCheck.required(OptionCheck.record, "selection", selection)
  if (unreadable !== undefined) return unreadable
  if ("runIds" in selection) {
    const { runIds } = selection
    return (
      OptionCheck.required(OptionCheck.texts, "runIds", runIds, IDS_EXPECTED) ??
      (runIds.length < 1 || runIds.length > MAX_MEMBERS
        ? new InvalidOption("runIds", `${runIds.length} ids`, IDS_EXPECTED)
        : undefined)
    )
  }
  return (
    OptionCheck.required(OptionCheck.record, "filter", selection.filter) ??
    OptionCheck.required(OptionCheck.integer, "limit", selection.limit, 1, MAX_MEMBERS)
  )
}

const IDS_EXPECTED = `an array of 1 to ${MAX_MEMBERS} ids of runs`
