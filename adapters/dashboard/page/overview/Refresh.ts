/** Figures that no event tells of. */
import { useEffect, useRef } from "preact/hooks"
import { outage } from "../data/Connection.ts"
import { type Resource, useResource } from "../data/Resource.ts"

const EVERY_MILLIS = 5_000

/** Loads an answer every 5 seconds, while the page is visible and the server answers. */
export const useFresh = <A>(path: string): Resource<A> => {
  const resource = useResource<A>(path)
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
