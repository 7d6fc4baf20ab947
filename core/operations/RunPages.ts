/** Pages of the runs that a caller may read. */
import * as Effect from "effect/Effect"
import type { Guard, GuardError } from "../access/Guard.ts"
import type * as Run from "../run/Run.ts"
import * as RunFilter from "../store/RunFilter.ts"
import type { ListRequest, RunList, Store } from "../store/Store.ts"
import type { InvalidOption } from "../values/Errors.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import * as Page from "../values/Page.ts"
import type { Caller, Permission } from "../values/Principal.ts"

/** The most runs of one page, and the longest cursor. */
const MAX_RUNS = 1_000
const MAX_CURSOR = 200

/** A page of the runs that the caller may read and on which it has the permission, which the guard checks first. */
export const page = (
  store: Store,
  guard: Guard,
  caller: Caller,
  permission: Permission,
  request: ListRequest
): Effect.Effect<RunList, InvalidOption | GuardError> => {
  const unreadable = OptionCheck.required(OptionCheck.record, "request", request)
  if (unreadable !== undefined) return Effect.fail(unreadable)
  const { pipelineId, limit, cursor } = request
  const mistake =
    OptionCheck.required(OptionCheck.integer, "limit", limit, 1, MAX_RUNS) ??
    OptionCheck.text("cursor", cursor, MAX_CURSOR) ??
    RunFilter.invalid(request)
  const isVisible = ({ id: runId, pipelineId }: Run.Summary) =>
    guard.may(caller, { permission: "read", pipelineId, runId }) &&
    (permission === "read" || guard.may(caller, { permission, pipelineId, runId }))
  const list = (part: ListRequest) =>
    Effect.map(store.list(part), ({ runs, nextCursor }) => ({ items: runs, nextCursor }))
  return Effect.map(
    Page.ifPermitted(
      guard.check(caller, { permission, pipelineId }),
      () => Page.filtered(list, request, isVisible),
      mistake
    ),
    ({ items, nextCursor }) => ({ runs: items, nextCursor })
  )
}
