/** Finds the route of a request. */
import type { Route } from "./Route.ts"

/** What was found: a route with its path's values, the methods that the path has, or nothing. */
export type Match =
  | { readonly _tag: "Route"; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly _tag: "OtherMethod"; readonly allow: string }
  | { readonly _tag: "NoPath" }

/** One path of the table with all its methods. */
interface Path {
  /** A name in place of each segment that matches anything. */
  readonly segments: ReadonlyArray<{ readonly text: string } | { readonly name: string }>
  readonly methods: Map<string, Route>
}

const NO_PATH: Match = { _tag: "NoPath" }

/** Where every path answers as well. */
export const VERSION_PREFIX = "/api/v1" as const

/** Matches paths under `basePath` and, below it, under `/api/v1` too. Paths are compared as they are: no case, no `//`, no `..` is forgiven. */
export const make = (routes: ReadonlyArray<Route>, basePath: string): ((method: string, path: string) => Match) => {
  const byLength = new Map<number, Array<Path>>()
  for (const route of routes) {
    const parts = route.path.slice(1).split("/")
    const paths = byLength.get(parts.length) ?? []
    byLength.set(parts.length, paths)
    const key = (path: Path): string => path.segments.map((part) => ("text" in part ? part.text : "{}")).join("/")
    const segments = parts.map((part) => (part.startsWith("{") ? { name: part.slice(1, -1) } : { text: part }))
    const path: Path = { segments, methods: new Map() }
    const known = paths.find((other) => key(other) === key(path))
    if (known === undefined) paths.push(path)
    ;(known ?? path).methods.set(route.method, route)
  }

  const match = (method: string, path: string): Match => {
    const parts = path.split("/")
    const candidates = byLength.get(parts.length - 1)
    if (candidates === undefined || parts[0] !== "") return NO_PATH
    for (const { segments, methods } of candidates) {
      const params = capture(segments, parts)
      if (params === undefined) continue
      const route = methods.get(method === "HEAD" ? "GET" : method)
      return route === undefined ? { _tag: "OtherMethod", allow: allowed(methods) } : { _tag: "Route", route, params }
    }
    return NO_PATH
  }

  return (method, path) => {
    if (!path.startsWith(basePath)) return NO_PATH
    const rest = path.slice(basePath.length)
    return match(method, rest.startsWith(`${VERSION_PREFIX}/`) ? rest.slice(VERSION_PREFIX.length) : rest)
  }
}

/** The values of the path's names; nothing when it is another path, or a value is empty or badly escaped. */
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

const allowed = (methods: ReadonlyMap<string, Route>): string =>
  [...methods.keys(), ...(methods.has("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ")
