/** Loads an answer of the API and keeps it up to date. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import { ClientError, missed, revision, send } from "./Connection.ts"
import { type LiveEvent, onEvents } from "./Live.ts"

/** An answer that a component shows. */
export interface Resource<A> {
  /** The last answer to the current path; undefined until the first one. */
  readonly data: A | undefined
  /** Why the last attempt to load it failed. */
  readonly error: Error | undefined
  readonly isLoading: boolean
  /** Loads it again now. */
  readonly reload: () => void
}

interface State<A> {
  readonly path: string | undefined
  readonly data: A | undefined
  readonly error: Error | undefined
  readonly isLoading: boolean
}

/** How long events are gathered before the answer is loaded again, at least; and how many times as long as loading takes. */
const MIN_GAP_MILLIS = 400
const LOAD_SHARE = 8

/** Whether an event changes the answer. */
export type Concerns = (event: LiveEvent) => boolean

/**
 * The answer to `GET path`; nothing while the path is undefined. Loads it again after an outage, when `reload` is called, and
 * soon after an event that `concerns` it. Shows the old answer until the new one has arrived.
 */
export const useResource = <A>(path: string | undefined, concerns?: Concerns): Resource<A> => {
  const [state, setState] = useState<State<A>>({ path, data: undefined, error: undefined, isLoading: true })
  const load = useRef<() => void>(() => undefined)
  const relevant = useRef(concerns)
  relevant.current = concerns

  useEffect(() => {
    if (path === undefined) return
    let stop: AbortController | undefined
    let timer: ReturnType<typeof setTimeout> | undefined
    let tookMillis = 0
    let tag: string | undefined
    let isBusy = false
    let isStale = false
    const end = (next: (last: State<A>) => State<A>): void => {
      isBusy = false
      setState(next)
      if (isStale) soon()
    }
    const begin = (): void => {
      clearTimeout(timer)
      timer = undefined
      isBusy = true
      isStale = false
      stop?.abort()
      stop = new AbortController()
      const { signal } = stop
      const began = performance.now()
      setState((last) => ({
        path,
        data: last.path === path ? last.data : undefined,
        error: last.path === path ? last.error : undefined,
        isLoading: true
      }))
      const load = async (): Promise<void> => {
        const response = await send(path, { signal, known: tag })
        const data = (await response.json()) as A
        if (signal.aborted) return
        tag = response.headers.get("etag") ?? undefined
        tookMillis = performance.now() - began
        end(() => ({ path, data, error: undefined, isLoading: false }))
      }
      load().catch((error: Error) => {
        if (signal.aborted) return
        const status = error instanceof ClientError ? error.status : undefined
        if (status === 304) {
          end((last) => ({ ...last, path, error: undefined, isLoading: false }))
          return
        }
        // The page hides an answer that the caller may no longer read.
        const isRefused = status === 403 || status === 404
        if (isRefused) tag = undefined
        end(({ data }) => ({ path, data: isRefused ? undefined : data, error, isLoading: false }))
      })
    }
    const soon = (): void => {
      // A load that is under way ends first, so that events can't keep a slow answer from ever being shown.
      if (isBusy) isStale = true
      else timer ??= setTimeout(begin, Math.max(MIN_GAP_MILLIS, LOAD_SHARE * tookMillis))
    }
    load.current = begin
    begin()
    const stopRevision = revision.subscribe(begin)
    const stopMissed = missed.subscribe(soon)
    const stopEvents = onEvents((events) => {
      if (relevant.current !== undefined && events.some(relevant.current)) soon()
    })
    return () => {
      clearTimeout(timer)
      stop?.abort()
      stopRevision()
      stopMissed()
      stopEvents()
    }
  }, [path])

  const reload = useCallback(() => load.current(), [])
  const isCurrent = state.path === path
  return {
    data: isCurrent ? state.data : undefined,
    error: isCurrent ? state.error : undefined,
    isLoading: path !== undefined && (!isCurrent || state.isLoading),
    reload
  }
}

/** Whether a failure says that a thing does not exist. */
export const isMissing = (error: Error | undefined): boolean => error instanceof ClientError && error.status === 404
