/** The page of a picture, for browsers. */
import type { Any as Pipeline } from "../../../core/pipeline/Pipeline.ts"
import { countOf, STATUSES_OF_STEPS, signOf } from "../../../core/render/Words.ts"
import { type HttpReply, type HttpRequest, text } from "../server/Message.ts"
import type { Subject } from "./PictureReply.ts"

/** Whether a client prefers HTML to JSON. Only browsers name `text/html`. Source: RFC 9110, 12.5.1. */
export const wantsHtml = (request: HttpRequest): boolean => {
  const accepted = (request.header("accept") ?? "").toLowerCase().split(",")
  const qualityOf = (type: string): number => {
    const found = accepted.map((range) => range.split(";").map((part) => part.trim())).find(([of]) => of === type)
    if (found === undefined) return 0
    const quality = found.find((part) => part.startsWith("q="))?.slice(2)
    return quality === undefined ? 1 : Number.parseFloat(quality) || 0
  }
  return qualityOf("text/html") > qualityOf("application/json")
}

/** The page has no script, and its styles are inside it. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const STYLE = `
:root{color-scheme:light dark}
body{margin:0;font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;background:#fff;color:#1c2024}
header,footer{padding:16px 20px}
h1{margin:0;font-size:20px;overflow-wrap:anywhere}
p{margin:4px 0 0;color:#60646c;overflow-wrap:anywhere}
main{overflow:auto;padding:0 4px}
ul{display:flex;flex-wrap:wrap;gap:4px 20px;margin:0 0 12px;padding:0;list-style:none}
a{color:#0b68cb}
.error{padding:0 16px;color:#c62a2f}
.RUNNING{color:#0b68cb}.COMPLETED{color:#1f7a3d}.FAILED{color:#c62a2f}.CANCELLED{color:#8a5000}
@media (prefers-color-scheme:dark){
body{background:#111113;color:#edeef0}
p{color:#b0b4ba}
a,.RUNNING{color:#70b8ff}.COMPLETED{color:#5fce7f}.FAILED,.error{color:#ff9592}.CANCELLED{color:#ffca16}
}`

/** The other forms of the picture, below the path of the pipeline. */
const FORMS = [
  ["dag/svg", "SVG"],
  ["dag/mermaid", "Mermaid"],
  ["dag/dot", "DOT"],
  ["dag/cytoscape", "Cytoscape"],
  ["dag/ascii", "text"],
  ["dag/layout", "layout"],
  ["dag/critical-path", "critical path"],
  ["dag", "JSON"]
] as const

/** What each shape means. */
const KINDS = [
  "rectangle: a task, or a reduce",
  "two rectangles: a map or a filter, called once for each item",
  "hexagon: a branch, with the arms yes and no",
  "dashed box: a nested pipeline or a group"
]

/** The page with an SVG document, or with the reason why there is none. Its links are relative, so that it works below any base path. */
export const page = (subject: Subject, drawn: { readonly svg: string } | { readonly error: string }): HttpReply => {
  const { pipeline, run } = subject
  const query = run === undefined ? "" : `?run=${encodeURIComponent(run.id)}`
  const links = FORMS.map(
    ([path, name]) => `<li><a href="${path}${path === "dag" || path === "dag/dot" ? "" : query}">${name}</a></li>`
  )
  const states = STATUSES_OF_STEPS.map(
    (status) => `<li class="${status}">${signOf(status)} ${status.toLowerCase()}</li>`
  )
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(pipeline.id)}</title>
<style>${STYLE}
</style>
</head>
<body>
<header>
<h1>${escaped(pipeline.id)}</h1>
<p>${escaped(aboutOf(pipeline))}${run === undefined ? "" : ` · run ${escaped(run.id)}: ${run.status.toLowerCase()}`}</p>
</header>
<main>
${"svg" in drawn ? drawn.svg : `<p class="error" role="alert">${escaped(drawn.error)}</p>`}</main>
<footer>
<ul aria-label="Kinds of steps">${KINDS.map((kind) => `<li>${kind}</li>`).join("")}</ul>
${run === undefined ? "" : `<ul aria-label="States of steps">${states.join("")}</ul>\n`}<nav aria-label="Other forms"><ul>${links.join("")}</ul></nav>
</footer>
</body>
</html>
`
  const reply = text(200, "text/html; charset=utf-8", html)
  return { ...reply, headers: { ...reply.headers, "content-security-policy": POLICY } }
}

const aboutOf = ({ kind, version, steps: { length } }: Pipeline): string =>
  `${kind} pipeline, ${countOf(length)}, version ${version}`

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`)
