/** Answers with pictures: their entity tags, and 304 for a client that has the picture already. */
import type { Any as Pipeline } from "../../../core/pipeline/Pipeline.ts"
import { digest } from "../../../core/pipeline/Version.ts"
import type { Run } from "../../../core/run/Run.ts"
import { type HttpReply, type HttpRequest, text } from "../server/Message.ts"
import * as EntityTag from "../transfer/EntityTag.ts"

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

/** What the picture depends on. `form`: what else, such as the engine. */
const tagOf = ({ pipeline, run }: Subject, form: string): string =>
  `${digestOf(pipeline)}${form}${run === undefined ? "" : `-${run.id}-${run.sequence}`}`

/** The answer of a client that has the picture; undefined if it must be drawn. */
export const unchanged = (request: HttpRequest, subject: Subject, form = ""): HttpReply | undefined => {
  const tag = tagOf(subject, form)
  return EntityTag.isKnown(request, tag) ? EntityTag.notModified(tag) : undefined
}

/** The styles of an SVG document are inside it. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

/** The answer with a picture. */
export const picture = (contentType: string, body: string, subject: Subject, form = ""): HttpReply => {
  const reply = text(200, contentType, body)
  return EntityTag.withTag(
    { ...reply, headers: { ...reply.headers, "content-security-policy": POLICY } },
    tagOf(subject, form)
  )
}
