/** Answers with pictures: their entity tags, and 304 for a client that has the picture already. Source: RFC 9110, 13.1.2. */
import type { Any as Pipeline } from "../../../core/pipeline/Pipeline.ts"
import { digest } from "../../../core/pipeline/Version.ts"
import type { Run } from "../../../core/run/Run.ts"
import { type HttpReply, type HttpRequest, SECURITY_HEADERS } from "../server/Message.ts"

/** What a picture shows. */
export interface Subject {
  readonly pipeline: Pipeline
  readonly run: Run | undefined
}

const digests: WeakMap<Pipeline, string> = new WeakMap()

/** A digest of the graph. Unlike the version it depends on the order of the steps and on their groups. */
const digestOf = (pipeline: Pipeline): string => {
  let found = digests.get(pipeline)
  if (found === undefined) {
    found = digest(JSON.stringify([pipeline.version, pipeline.steps.map(({ name, boxes }) => [name, boxes])])).slice(
      0,
      16
    )
    digests.set(pipeline, found)
  }
  return found
}

/**
 * The entity tag of a picture. It is weak: a later version of this library may draw the same graph and states in another way.
 * `form`: what else the picture depends on, such as the engine.
 */
const etagOf = ({ pipeline, run }: Subject, form: string): string =>
  `W/"${digestOf(pipeline)}${form}${run === undefined ? "" : `-${run.id}-${run.sequence}`}"`

/** Whether the client has an answer with this tag. Weak and strong tags match. */
const has = (request: HttpRequest, etag: string): boolean => {
  const known = request.header("if-none-match")
  if (known === undefined) return false
  const opaque = etag.replace("W/", "")
  return known.trim() === "*" || known.split(",").some((one) => one.trim().replace(/^W\//, "") === opaque)
}

/** The answer of a client that has the picture; undefined if it must be drawn. */
export const unchanged = (request: HttpRequest, subject: Subject, form = ""): HttpReply | undefined => {
  const etag = etagOf(subject, form)
  return has(request, etag) ? { status: 304, headers: headersOf(etag), body: undefined } : undefined
}

/** The answer with a picture. */
export const picture = (contentType: string, body: string, subject: Subject, form = ""): HttpReply => ({
  status: 200,
  headers: { "content-type": contentType, ...headersOf(etagOf(subject, form)) },
  body
})

/** The styles of an SVG document are inside it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

/** Browsers may keep a picture, and ask each time whether it has changed. */
const headersOf = (etag: string): Readonly<Record<string, string>> => ({
  ...SECURITY_HEADERS,
  "cache-control": "private, no-cache",
  "content-security-policy": POLICY,
  etag
})
