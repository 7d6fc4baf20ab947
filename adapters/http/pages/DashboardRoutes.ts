/** The dashboard: a page that calls the API as its visitor does. The page itself has no data, so it is public. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { pathNotFound } from "../server/Failures.ts"
import { type HttpReply, json, SECURITY_HEADERS, text } from "../server/Message.ts"
import { type Call, get, type Route } from "../server/Route.ts"
import * as EntityTag from "../transfer/EntityTag.ts"
import { content, find, reply, type StaticFiles } from "./StaticFiles.ts"

/** Allows only the server's own files and the API. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const HTML = "text/html; charset=utf-8"
const SHELL = "index.html"

/** The page has no data: browsers keep it, and ask each time whether it is the current one. */
const SHELL_HEADERS = { "cache-control": "no-cache", vary: "accept-encoding" }

const load = (): Promise<StaticFiles> => import("../../dashboard/Files.generated.ts").then(({ files }) => files)

const utf8 = new TextDecoder()

/** The page. Its links are relative to `/dashboard`; below `/dashboard/` they lose that folder. */
const shell = ({ request }: Call): Effect.Effect<HttpReply> =>
  Effect.promise(async () => {
    const file = (await load())[SHELL]!
    const isFolder = request.path.endsWith("/")
    const html = utf8.decode(await content(file))
    const tag = isFolder ? `${file.hash}-folder` : file.hash
    if (EntityTag.isKnown(request, tag)) return EntityTag.notModified(tag, SHELL_HEADERS)
    const page = text(200, HTML, isFolder ? html.replaceAll('="dashboard/', '="') : html)
    return {
      ...page,
      headers: {
        ...page.headers,
        ...SHELL_HEADERS,
        "content-security-policy": POLICY,
        etag: EntityTag.header(tag)
      }
    }
  })

/** The routes. */
export const dashboardRoutes: ReadonlyArray<Route> = [
  { ...get("/dashboard", "none", "The dashboard, a page for browsers.", shell), isPage: true },
  get("/dashboard/{file}", "none", "A file of the dashboard.", ({ params, request }) =>
    Effect.flatMap(Effect.promise(load), (files) => {
      const name = params["file"]!
      const found = name === SHELL ? undefined : find(files, name)
      return found === undefined
        ? Effect.fail(pathNotFound(request.path))
        : Effect.promise(() => reply(found, request, POLICY))
    })
  )
]

/** The answer of the API's root. */
export interface RootJson {
  readonly name: string
  /** Paths by name, relative to the requested one. */
  readonly links: { readonly [name: string]: string }
}

/** The Schema of a `RootJson`. */
export const rootJson: Schema.Codec<RootJson> = Schema.Struct({
  name: Schema.String,
  links: Schema.Record(Schema.String, Schema.String)
}).annotate({ identifier: "Root" })

/** The paths that the root of the API links to. */
const LINKS = ["dashboard", "docs", "redoc", "openapi.json", "health", "metrics", "pipelines", "runs", "schedules"]

/** The root of the API. Its links are relative, so that they hold behind a proxy that removes a prefix. */
export const rootRoute: Route = get(
  "/",
  "none",
  "Redirects browsers to the dashboard; other clients get the names of the first paths.",
  ({ request, server }) => {
    const { path, prefix = "" } = request
    const last = `${prefix}${path}`.split("/").at(-1)!
    const base = last === "" ? "" : `${last}/`
    const has = (name: string): boolean => server.routes.some((route) => route.path === `/${name}`)
    const isPage = has("dashboard") && (request.header("accept") ?? "").includes("text/html")
    if (isPage) {
      const headers = { ...SECURITY_HEADERS, vary: "accept", location: `${base}dashboard` }
      return Effect.succeed({ status: 302, headers, body: undefined })
    }
    const links = Object.fromEntries(LINKS.filter(has).map((name) => [name.replace(/\.json$/, ""), `${base}${name}`]))
    const root: RootJson = { name: "Levada", links }
    return Effect.succeed(json(200, root, { vary: "accept" }))
  }
)
