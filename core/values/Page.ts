/** Pages of a long list, of which a caller may see only some items. */
import * as Effect from "effect/Effect"

/** One page of a list. */
export interface Page<A> {
  readonly items: ReadonlyArray<A>
  /** The start of the next page; undefined after the last one. */
  readonly nextCursor: string | undefined
}

/** Which page of a list to read. */
export interface PageRequest {
  readonly limit: number
  readonly cursor?: string | undefined
}

/** How many pages of the Store are read for one answer, so that a list of mostly hidden items costs little. */
const MAX_READS = 20

/**
 * A page of the items that `isVisible` accepts, read from as many pages of `list` as needed, at most 20. When visible
 * items are rare, the page has fewer items than asked for, and a cursor.
 */
export const filtered = <A, E, R extends PageRequest>(
  list: (request: R) => Effect.Effect<Page<A>, E>,
  request: R,
  isVisible: (item: A) => boolean
): Effect.Effect<Page<A>, E> => {
  const from = (found: ReadonlyArray<A>, cursor: string | undefined, reads: number): Effect.Effect<Page<A>, E> => {
    const next = { ...request, limit: request.limit - found.length, ...(cursor !== undefined && { cursor }) }
    return Effect.flatMap(list(next), ({ items, nextCursor }) => {
      const all = [...found, ...items.filter(isVisible)]
      return nextCursor === undefined || all.length >= request.limit || reads === MAX_READS
        ? Effect.succeed({ items: all, nextCursor })
        : from(all, nextCursor, reads + 1)
    })
  }
  return from([], request.cursor, 1)
}

/**
 * A page, once `check` has found that the caller may read it. A pipeline that is hidden from the caller gives an empty
 * page. Fails with `mistake`, a mistake in the request, but only after the check.
 */
export const ifPermitted = <A, E, G extends { readonly _tag: string }>(
  check: Effect.Effect<void, G>,
  page: () => Effect.Effect<Page<A>, E>,
  mistake: E | undefined
): Effect.Effect<Page<A>, E | Exclude<G, { readonly _tag: "PipelineNotFound" }>> => {
  return Effect.matchEffect(check, {
    onSuccess: () => (mistake === undefined ? page() : Effect.fail(mistake)),
    onFailure: (failure): Effect.Effect<Page<A>, E | Exclude<G, { readonly _tag: "PipelineNotFound" }>> => {
      if (failure._tag !== "PipelineNotFound") {
        return Effect.fail(failure as Exclude<G, { readonly _tag: "PipelineNotFound" }>)
      }
      return mistake === undefined ? Effect.succeed({ items: [], nextCursor: undefined }) : Effect.fail(mistake)
    }
  })
}
