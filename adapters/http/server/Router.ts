/** Finds the route of a request. */
import type { Route } from "./Route.ts"

/** The result of a match: a route with its path's values, a path that has only other methods, or no path. */
export type Match =
  | { readonly _tag: "Route"; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly _tag: "OtherMethod"; readonly allow: string }
  | { readonly _tag: "NoPath" }

/** One path with the routes of all its methods. */
interface Path {
  /** Fixed text, or the name of a segment that matches any text. */
  readonly segments: ReadonlyArray<{ readonly text: string } | { readonly name: string }>
  readonly methods: Map<string, Route>
}

const NO_PATH: Match = { _tag: "NoPath" }

/** Every path also answers below this prefix. */
export const VERSION_PREFIX = "/api/v1" as const

/** Matches paths below `basePath`, with or without `/api/v1`. Paths must match exactly: case counts, and `//` and `..` are not resolved. */
export const make = (routes: ReadonlyArray<Route>, basePath: string): ((method: string, path: string) => Match) => {
  const byLength = new Map<number, Array<Path>>()
  const add = (route: Route, spelling: string): void => {
    const parts = spelling.slice(1).split("/")
    const paths = byLength.get(parts.length) ?? []
    byLength.set(parts.length, paths)
    const key = (path: Path): string => path.segments.map((part) => ("text" in part ? part.text : "{}")).join("/")
    const segments = parts.map((part) => (part.startsWith("{") ? { name: part.slice(1, -1) } : { text: part }))
    const path: Path = { segments, methods: new Map() }
    const known = paths.find((other) => key(other) === key(path))
    if (known === undefined) paths.push(path)
    ;(known ?? path).methods.set(route.method, route)
  }
  for (const route of routes) {
    add(route, route.path)
    if (route.isPage === true) add(route, `${route.path}/`)
  }

  const match = (method: string, path: string): Match => {
    const parts = path.split("/")
    const candidates = byLength.get(parts.length - 1)
    if (candidates === undefined || parts[0] !== "") return NO_PATH
    // Of `/runs/retry` and `/runs/{task_id}`, which both match, one may have the method and the other may not.
    const others: Array<string> = []
    for (const { segments, methods } of candidates) {
      const params = capture(segments, parts)
      if (params === undefined) continue
      const route = methods.get(method === "HEAD" ? "GET" : method)
      if (route !== undefined) return { _tag: "Route", route, params }
      others.push(...methods.keys())
    }
    return others.length === 0 ? NO_PATH : { _tag: "OtherMethod", allow: allowed(others) }
  }

  return (method, path) => {
    if (!path.startsWith(basePath)) return NO_PATH
    const rest = path.slice(basePath.length)
    const below = rest === VERSION_PREFIX || rest.startsWith(`${VERSION_PREFIX}/`)
    // The root also matches without its slash.
    return match(method, (below ? rest.slice(VERSION_PREFIX.length) : rest) || "/")
  }
}

/** The values of the path's names; undefined if the path does not match, or a value is empty or badly encoded. */
const capture = (segments: Path["segments"], parts: ReadonlyArray<string>): Record<string, string> | undefined => {
  const params: Record<string, string> = {}
  for (let at = 0; at < segments.length; at++) {
    const segment = segments[at]!
    const part = parts[at + 1]!
    if ("text" in segment) {
      if (segment.text !== part) return undefined
      continue
    }
    const value = unescape(part)
    if (value === undefined || value === "") return undefined
    params[segment.name] = value
  }
  return params
}

const unescape = (part: string): string | undefined => {
  if (!part.includes("%")) return part
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

const allowed = (methods: ReadonlyArray<string>): string =>
  [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ")
