/** The API's documentation: the OpenAPI document, and pages that show it. Nothing in them comes from anywhere else. */
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
 * Only what the server has itself. Redoc searches in a worker that it makes of a blob, and both pages write styles into
 * themselves.
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

/** How long browsers keep a file before they ask whether it has changed, in seconds. */
const KEPT_SECONDS = 3_600

/** A page, and its script, which is a file because the policy lets nothing run that is in the page. */
interface Page {
  readonly html: string
  readonly script: string
  /** Files without which there is nothing to see. */
  readonly files: ReadonlyArray<string>
}

/** Below one segment, whatever is in front of it: so all names are relative. */
const page = (title: string, at: string, files: ReadonlyArray<string>, body: string): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
${files
  .filter((file) => file.endsWith(".css"))
  .map((file) => `<link rel="stylesheet" href="${at}/${file}">`)
  .join("\n")}
</head>
<body style="margin:0">
${body}
${[...files.filter((file) => file.endsWith(".js")), "start.js"].map((file) => `<script src="${at}/${file}"></script>`).join("\n")}
</body>
</html>
`

const swagger: ReadonlyArray<string> = ["swagger-ui.css", "swagger-ui-bundle.js"]
const redoc: ReadonlyArray<string> = ["redoc.standalone.js"]

const PAGES: { readonly [name in "docs" | "redoc"]: Page } = {
  docs: {
    html: page("Levada: the API", "docs", swagger, '<div id="docs"></div>'),
    script: `SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", deepLinking: true, tryItOutEnabled: true, validatorUrl: null })\n`,
    files: swagger
  },
  redoc: {
    html: page("Levada: the API", "redoc", redoc, '<div id="redoc"></div>'),
    script: `Redoc.init("openapi.json", { hideDownloadButton: false, disableSearch: false }, document.getElementById("redoc"))\n`,
    files: redoc
  }
}

const withPolicy = (reply: HttpReply): HttpReply => ({
  ...reply,
  headers: { ...reply.headers, "content-security-policy": POLICY }
})

const MISSING = `<!doctype html><title>Levada</title><p>The files of this page are not at hand in this program. The API is described in <a href="openapi.json">openapi.json</a>, which any OpenAPI viewer shows.</p>`

const shown = (name: "docs" | "redoc"): Effect.Effect<HttpReply> =>
  Effect.map(
    Effect.promise(() => Promise.all(PAGES[name].files.map(asset))),
    (files) => withPolicy(text(200, HTML, files.includes(undefined) ? MISSING : PAGES[name].html))
  )

const file = (name: "docs" | "redoc", { params, request }: Call): Effect.Effect<HttpReply, Failure> => {
  const wanted = params["file"]!
  if (wanted === "start.js") return Effect.succeed(text(200, "text/javascript; charset=utf-8", PAGES[name].script))
  return Effect.flatMap(
    Effect.promise(() => (PAGES[name].files.includes(wanted) ? asset(wanted) : Promise.resolve(undefined))),
    (found): Effect.Effect<HttpReply, BadRequest> => {
      if (found === undefined) {
        const message = `There is no file '${wanted.slice(0, 100)}' here`
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

/** The pipelines that whoever asks may read: nobody has to say who they are, and then those are none. */
const readable = (call: Call): Effect.Effect<ReadonlyArray<Registered>> =>
  Effect.flatMap(call.serving.recognise(call, `GET ${DOCUMENT}`), (caller) =>
    caller === nobody
      ? Effect.succeed([])
      : Effect.orElseSucceed(call.operations.pipelines(caller), (): ReadonlyArray<Registered> => [])
  )

/** The routes. */
export const docsRoutes: ReadonlyArray<Route> = [
  get(DOCUMENT, "none", "This API, with the pipelines that the caller may read.", (call) =>
    Effect.map(readable(call), (pipelines) => {
      const { path, prefix = "" } = call.request
      const base = `${prefix}${path.slice(0, -DOCUMENT.length)}`
      const { routes, isSecured } = call.serving
      return json(200, toOpenApi({ routes, pipelines, isSecured, base }))
    })
  ),
  get("/docs", "none", "The API for people, to try out.", () => shown("docs")),
  get("/docs/{file}", "none", "A file of that page.", (call) => file("docs", call)),
  get("/redoc", "none", "The API for people, to read.", () => shown("redoc")),
  get("/redoc/{file}", "none", "A file of that page.", (call) => file("redoc", call))
]
