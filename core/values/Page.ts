/** Parts of a long list, of which somebody may see only some items. */
import * as Effect from "effect/Effect"

/** A part of a list. */
export interface Page<A> {
  readonly items: ReadonlyArray<A>
  /** Where the next part begins; undefined when nothing is left. */
  readonly nextCursor: string | undefined
}

/** Which part of a list is wanted. */
export interface PageRequest {
  readonly limit: number
  readonly cursor?: string | undefined
}

/** How many parts are looked through for one answer: what may be seen can be rare. */
const MAX_PARTS = 20

/** As many items that may be seen as are wanted, or fewer, with a cursor, when they are rare. */
export const sifted = <A, E, R extends PageRequest>(
  list: (request: R) => Effect.Effect<Page<A>, E>,
  request: R,
  may: (item: A) => boolean
): Effect.Effect<Page<A>, E> => {
  const from = (seen: ReadonlyArray<A>, cursor: string | undefined, parts: number): Effect.Effect<Page<A>, E> => {
    const part = { ...request, limit: request.limit - seen.length, ...(cursor !== undefined && { cursor }) }
    return Effect.flatMap(list(part), ({ items, nextCursor }) => {
      const all = [...seen, ...items.filter(may)]
      return nextCursor === undefined || all.length >= request.limit || parts === MAX_PARTS
        ? Effect.succeed({ items: all, nextCursor })
        : from(all, nextCursor, parts + 1)
    })
  }
  return from([], request.cursor, 1)
}

/** A part of a list, once it is known that the caller may; nothing, of a pipeline that is hidden from it. */
export const permitted = <A, E, G extends { readonly _tag: string }>(
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
