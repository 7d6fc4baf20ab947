/** Answers that change without an event. */
import { useEffect, useRef } from "preact/hooks"
import { outage } from "./Connection.ts"
import { type Concerns, type Resource, useResource } from "./Resource.ts"

const EVERY_MILLIS = 5_000

/** Loads an answer every 5 seconds, while the page is visible and the server answers, and after an event that `concerns` it. */
export const useFresh = <A>(path: string, concerns?: Concerns): Resource<A> => {
  const resource = useResource<A>(path, concerns)
  const last = useRef(resource)
  last.current = resource
  useEffect(() => {
    const timer = setInterval(() => {
      const { isLoading, reload } = last.current
      if (document.visibilityState === "visible" && outage.value === undefined && !isLoading) reload()
    }, EVERY_MILLIS)
    return () => clearInterval(timer)
  }, [])
  return resource
}
