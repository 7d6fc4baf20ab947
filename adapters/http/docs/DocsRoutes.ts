/** The API's documentation: the OpenAPI document and the pages that show it. The pages load nothing from other servers. */
import * as Effect from "effect/Effect"
import type { Registered } from "../../../core/registry/Registry.ts"
import { nobody } from "../../../core/values/Principal.ts"
import { BadRequest, type Failure } from "../server/Failures.ts"
import { type HttpReply, json, SECURITY_HEADERS, text } from "../server/Message.ts"
import { type Call, get, type Route } from "../server/Route.ts"
import { asset } from "./Assets.ts"
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

/** How long browsers may cache a file, in seconds. */
const KEPT_SECONDS = 3_600

/** A page and its script. The script is a file of its own, because the policy forbids inline scripts. */
interface Page {
  readonly html: string
  readonly script: string
  /** The files that the page needs. */
  readonly files: ReadonlyArray<string>
}

/** The HTML of a page. Its links are relative, so that it works below any base path. `folder`: the page's own last path segment. */
const page = (title: string, folder: string, files: ReadonlyArray<string>, body: string): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
${files
  .filter((file) => file.endsWith(".css"))
  .map((file) => `<link rel="stylesheet" href="${folder}/${file}">`)
  .join("\n")}
</head>
<body style="margin:0">
${body}
${[...files.filter((file) => file.endsWith(".js")), "start.js"].map((file) => `<script src="${folder}/${file}"></script>`).join("\n")}
</body>
</html>
`

const swagger: ReadonlyArray<string> = ["swagger-ui.css", "swagger-ui-bundle.js"]
const redoc: ReadonlyArray<string> = ["redoc.standalone.js"]

const PAGES: { readonly [name in "docs" | "redoc"]: Page } = {
  docs: {
    html: page("Levada API", "docs", swagger, '<div id="docs"></div>'),
    script: `SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", deepLinking: true, tryItOutEnabled: true, validatorUrl: null })\n`,
    files: swagger
  },
  redoc: {
    html: page("Levada API", "redoc", redoc, '<div id="redoc"></div>'),
    script: `Redoc.init("openapi.json", { hideDownloadButton: false, disableSearch: false }, document.getElementById("redoc"))\n`,
    files: redoc
  }
}

const withPolicy = (reply: HttpReply): HttpReply => ({
  ...reply,
  headers: { ...reply.headers, "content-security-policy": POLICY }
})

const MISSING = `<!doctype html><title>Levada</title><p>This program does not include the files of this page. <a href="openapi.json">openapi.json</a> describes the API; any OpenAPI viewer can show it.</p>`

const pageReply = (name: "docs" | "redoc"): Effect.Effect<HttpReply> =>
  Effect.map(
    Effect.promise(() => Promise.all(PAGES[name].files.map(asset))),
    (files) => withPolicy(text(200, HTML, files.includes(undefined) ? MISSING : PAGES[name].html))
  )

const file = (name: "docs" | "redoc", { params, request }: Call): Effect.Effect<HttpReply, Failure> => {
  const fileName = params["file"]!
  if (fileName === "start.js") return Effect.succeed(text(200, "text/javascript; charset=utf-8", PAGES[name].script))
  return Effect.flatMap(
    Effect.promise(() => (PAGES[name].files.includes(fileName) ? asset(fileName) : Promise.resolve(undefined))),
    (found): Effect.Effect<HttpReply, BadRequest> => {
      if (found === undefined) {
        const message = `File '${fileName.slice(0, 100)}' does not exist`
        return Effect.fail(new BadRequest(404, "PathNotFoundError", message))
      }
      const headers = {
        ...SECURITY_HEADERS,
        "cache-control": `public, max-age=${KEPT_SECONDS}`,
        etag: found.etag
      }
      return Effect.succeed(
        request.header("if-none-match") === found.etag
          ? { status: 304, headers, body: undefined }
          : { status: 200, headers: { "content-type": found.contentType, ...headers }, body: found.text }
      )
    }
  )
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
      return json(200, toOpenApi({ routes, pipelines, isSecured, base }))
    })
  ),
  get("/docs", "none", "Interactive documentation of the API (Swagger UI).", () => pageReply("docs")),
  get("/docs/{file}", "none", "A file of the page `/docs`.", (call) => file("docs", call)),
  get("/redoc", "none", "Reference documentation of the API (Redoc).", () => pageReply("redoc")),
  get("/redoc/{file}", "none", "A file of the page `/redoc`.", (call) => file("redoc", call))
]
