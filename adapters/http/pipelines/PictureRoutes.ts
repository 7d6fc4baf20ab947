/** The routes of pictures: graphs of pipelines, with the states of a run where the query names one. */
import * as Effect from "effect/Effect"
import { toAscii } from "../../../core/render/Ascii.ts"
import { toCytoscape } from "../../../core/render/Cytoscape.ts"
import type { Layout } from "../../../core/render/Layout.ts"
import { toMermaid } from "../../../core/render/Mermaid.ts"
import { toSvg } from "../../../core/render/Svg.ts"
import type { LayoutTooLarge } from "../../../core/values/Errors.ts"
import type { BadRequest, Failure } from "../server/Failures.ts"
import { type HttpReply, json } from "../server/Message.ts"
import { type Call, get, type Route, read } from "../server/Route.ts"
import { anyLayoutOf, layoutOf } from "./Layouts.ts"
import { page, wantsHtml } from "./PicturePage.ts"
import { picture, type Subject, unchanged } from "./PictureReply.ts"
import { type EngineName, type PictureQuery, toLayout, toPicture } from "./PictureRequests.ts"
import * as PictureWire from "./PictureWire.ts"
import { view } from "./PipelineView.ts"
import { visualization } from "./PipelineWire.ts"

const JSON_TYPE = "application/json"
const TEXT = "text/plain; charset=utf-8"

/** The pipeline of the path, and the run that the query names. */
const subjectOf = ({ operations, caller, params }: Call, { run }: PictureQuery): Effect.Effect<Subject, Failure> =>
  run === undefined
    ? Effect.map(operations.pipeline(caller, params["pipeline_id"]!), ({ pipeline }) => ({ pipeline, run }))
    : operations.runOfPipeline(caller, params["pipeline_id"]!, run)

/** A route whose answer is a text of the pipeline and a run. */
const plain = (form: string, summary: string, contentType: string, render: (subject: Subject) => string): Route =>
  get(`/pipelines/{pipeline_id}/dag/${form}`, "read", summary, (call) =>
    Effect.flatMap(read(call, toPicture(call.request.query)), (query) =>
      Effect.map(
        subjectOf(call, query),
        (subject) => unchanged(call.request, subject) ?? picture(contentType, render(subject), subject)
      )
    )
  )

/** A route whose answer has a layout. `layoutFor` makes it. */
const placed = (
  form: string,
  summary: string,
  contentType: string,
  layoutFor: (pipeline: Subject["pipeline"], engine?: EngineName) => Effect.Effect<Layout, LayoutTooLarge | BadRequest>,
  render: (subject: Subject, layout: Layout) => string
): Route =>
  get(`/pipelines/{pipeline_id}/dag/${form}`, "read", summary, (call) =>
    Effect.flatMap(read(call, toLayout(call.request.query)), (query) =>
      Effect.flatMap(subjectOf(call, query), (subject) =>
        Effect.map(layoutFor(subject.pipeline, query.engine), (layout): HttpReply => {
          const of = `-${layout.engine}`
          return unchanged(call.request, subject, of) ?? picture(contentType, render(subject, layout), subject, of)
        })
      )
    )
  )

/** The page with the picture. Where dagre is missing it shows layers; for a pipeline that is too large it says so. */
const pageOf = (call: Call): Effect.Effect<HttpReply, Failure> =>
  Effect.flatMap(read(call, toLayout(call.request.query)), (query) =>
    Effect.flatMap(subjectOf(call, query), (subject) =>
      Effect.match(anyLayoutOf(subject.pipeline, query.engine), {
        onSuccess: (layout) => page(subject, { svg: toSvg(subject.pipeline, subject.run, layout) }),
        onFailure: ({ message }) => page(subject, { error: message })
      })
    )
  )

const tasks = view(
  "/pipelines/{pipeline_id}/visualize",
  "The tasks and their execution levels; for browsers, a page with the picture.",
  (pipeline) => json(200, visualization(pipeline))
)

/** The routes. */
export const pictureRoutes: ReadonlyArray<Route> = [
  placed(
    "svg",
    "The graph as an SVG picture; with `run`, its steps have the colours of their states.",
    "image/svg+xml; charset=utf-8",
    layoutOf,
    ({ pipeline, run }, layout) => toSvg(pipeline, run, layout)
  ),
  placed(
    "layout",
    "The places of steps, edges and boxes in the picture.",
    JSON_TYPE,
    layoutOf,
    ({ pipeline, run }, layout) => JSON.stringify(PictureWire.layout(pipeline, layout, run))
  ),
  placed(
    "cytoscape",
    "The graph as elements of Cytoscape.js, with their places.",
    JSON_TYPE,
    anyLayoutOf,
    ({ pipeline, run }, layout) => JSON.stringify(toCytoscape(pipeline, run, layout))
  ),
  plain("mermaid", "The graph as a Mermaid flowchart.", TEXT, ({ pipeline, run }) => toMermaid(pipeline, run)),
  plain("ascii", "The graph as text for a terminal.", TEXT, ({ pipeline, run }) => toAscii(pipeline, run)),
  plain(
    "critical-path",
    "The longest path through the graph, by steps; with `run`, by how long its steps took.",
    JSON_TYPE,
    ({ pipeline, run }) => JSON.stringify(PictureWire.criticalPathOf(pipeline, run))
  ),
  { ...tasks, answer: (call) => (wantsHtml(call.request) ? pageOf(call) : tasks.answer(call)) }
]
