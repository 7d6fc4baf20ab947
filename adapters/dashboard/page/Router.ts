/** The address of a view: the part of the URL after `#`, so that links work under any path without a setting of the server. */
import { useEffect, useState } from "preact/hooks"

/** A view's path, in decoded segments, and its query. */
export interface Route {
  readonly segments: ReadonlyArray<string>
  readonly query: Readonly<Record<string, string>>
}

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment)
  } catch {
    // A link that was cut off in the middle of a sign.
    return segment
  }
}

/** Reads `#/runs/id?tab=log`. */
export const parse = (hash: string): Route => {
  const [path = "", query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s, 2)
  return {
    segments: path
      .split("/")
      .filter((segment) => segment !== "")
      .map(decoded),
    query: Object.fromEntries(new URLSearchParams(query))
  }
}

/** The link to a view. Leaves out the query's undefined and empty values. */
export const href = (
  segments: ReadonlyArray<string>,
  query: { readonly [key: string]: string | undefined } = {}
): string => {
  const given = Object.entries(query).filter((entry): entry is [string, string] => (entry[1] ?? "") !== "")
  const path = segments.map(encodeURIComponent).join("/")
  return `#/${path}${given.length === 0 ? "" : `?${new URLSearchParams(given)}`}`
}

/** Goes to a link. `replace`: the browser's Back skips the current view. */
export const go = (link: string, replace = false): void => {
  if (replace) {
    history.replaceState(null, "", link)
    dispatchEvent(new HashChangeEvent("hashchange"))
  } else location.hash = link
}

/** The current route. */
export const useRoute = (): Route => {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const update = (): void => setHash(location.hash)
    update()
    addEventListener("hashchange", update)
    return () => removeEventListener("hashchange", update)
  }, [])
  return parse(hash)
}
