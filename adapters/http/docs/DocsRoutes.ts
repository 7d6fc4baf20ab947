/** The API's documentation: the OpenAPI document and the pages that show it. The pages load nothing from other servers. */
import * as Effect from "effect/Effect"
import type { Registered } from "../../../core/registry/Registry.ts"
import { nobody } from "../../../core/values/Principal.ts"
import { find, hashedName, reply, type StaticFiles } from "../pages/StaticFiles.ts"
import { type Failure, pathNotFound } from "../server/Failures.ts"
import { type HttpReply, json, text } from "../server/Message.ts"
import { type Call, get, type Route } from "../server/Route.ts"
import * as EntityTag from "../transfer/EntityTag.ts"
import { toOpenApi } from "./OpenApi.ts"

const HTML = "text/html; charset=utf-8"

/**
 * Allows only the server's own files. Redoc runs its search in a worker made from a blob, and both pages use inline styles.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

/** A page and its script. The script is a file of its own, because the policy forbids inline scripts. */
interface Page {
  readonly body: string
  readonly script: string
  /** The files that the page needs. */
  readonly load: () => Promise<StaticFiles>
}

const PAGES: { readonly [name in "docs" | "redoc"]: Page } = {
  docs: {
    body: '<div id="docs"></div>',
    script: `SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", deepLinking: true, tryItOutEnabled: true, validatorUrl: null })\n`,
    load: () => import("./SwaggerUi.generated.ts").then(({ files }) => files)
  },
  redoc: {
    body: '<div id="redoc"></div>',
    script: `Redoc.init("openapi.json", { hideDownloadButton: false, disableSearch: false }, document.getElementById("redoc"))\n`,
    load: () => import("./Redoc.generated.ts").then(({ files }) => files)
  }
}

const SCRIPT = "start.js"

/** The HTML of a page. Its links are relative, so that it works below any base path. `folder`: the page's own last path segment. */
const toHtml = (folder: string, files: StaticFiles, body: string): string => {
  const named = (type: string): ReadonlyArray<string> =>
    Object.keys(files)
      .filter((name) => name.endsWith(type))
      .map((name) => hashedName(files, name))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Levada API</title>
${named(".css")
  .map((file) => `<link rel="stylesheet" href="${folder}/${file}">`)
  .join("\n")}
</head>
<body style="margin:0">
${body}
${[...named(".js"), SCRIPT].map((file) => `<script src="${folder}/${file}"></script>`).join("\n")}
</body>
</html>
`
}

const pageReply = (name: keyof typeof PAGES): Effect.Effect<HttpReply> =>
  Effect.map(Effect.promise(PAGES[name].load), (files) => {
    const page = text(200, HTML, toHtml(name, files, PAGES[name].body))
    return { ...page, headers: { ...page.headers, "content-security-policy": POLICY } }
  })

const file = (name: keyof typeof PAGES, { params, request }: Call): Effect.Effect<HttpReply, Failure> => {
  const { load, script } = PAGES[name]
  const wanted = params["file"]!
  if (wanted === SCRIPT) return Effect.succeed(text(200, "text/javascript; charset=utf-8", script))
  return Effect.flatMap(Effect.promise(load), (files) => {
    const found = find(files, wanted)
    return found === undefined ? Effect.fail(pathNotFound(request.path)) : Effect.promise(() => reply(found, request))
  })
}

const DOCUMENT = "/openapi.json"

/** The pipelines that the caller may read; none for an anonymous caller. */
const readable = (call: Call): Effect.Effect<ReadonlyArray<Registered>> =>
  Effect.flatMap(call.server.identify(call, `GET ${DOCUMENT}`), (caller) =>
    caller === nobody
      ? Effect.succeed([])
      : Effect.orElseSucceed(call.operations.pipelines(caller), (): ReadonlyArray<Registered> => [])
  )

/** The routes. */
export const docsRoutes: ReadonlyArray<Route> = [
  get(DOCUMENT, "none", "The OpenAPI document of this API, with the pipelines that the caller may read.", (call) =>
    Effect.map(readable(call), (pipelines) => {
      const { path, prefix = "" } = call.request
      const base = `${prefix}${path.slice(0, -DOCUMENT.length)}`
      const { routes, isSecured } = call.server
      return EntityTag.byText(call.request, json(200, toOpenApi({ routes, pipelines, isSecured, base })))
    })
  ),
  get("/docs", "none", "Interactive documentation of the API (Swagger UI).", () => pageReply("docs")),
  get("/docs/{file}", "none", "A file of the page `/docs`.", (call) => file("docs", call)),
  get("/redoc", "none", "Reference documentation of the API (Redoc).", () => pageReply("redoc")),
  get("/redoc/{file}", "none", "A file of the page `/redoc`.", (call) => file("redoc", call))
]
