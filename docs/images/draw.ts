/**
 * Draws the pictures of the docs from pipelines: `Dag` to DOT, DOT to SVG by Graphviz, colours for light and dark pages.
 * Run it after a change of a pipeline: `node docs/images/draw.ts`
 */
import { execFileSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Dot } from "../../core/index.ts"
import { drawn } from "./drawn.ts"

/** Both schemes in one file: a picture follows the page that shows it. */
const STYLE = `<style>
  .card { fill: #ffffff; stroke: #d0d7de; }
  .node polygon, .node path { fill: #ddf4ff; stroke: #0969da; }
  .edge path { stroke: #57606a; }
  .edge polygon { fill: #57606a; stroke: #57606a; }
  text { fill: #1f2328; font-family: ui-sans-serif, system-ui, sans-serif; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #0d1117; stroke: #30363d; }
    .node polygon, .node path { fill: #12283f; stroke: #58a6ff; }
    .edge path { stroke: #9198a1; }
    .edge polygon { fill: #9198a1; stroke: #9198a1; }
    text { fill: #e6edf3; }
  }
</style>`

for (const [name, pipeline] of Object.entries(drawn)) {
  const dot = Dot.toDot(pipeline)
  const options = ["-Tsvg", "-Grankdir=LR", "-Gpad=0.25", "-Nstyle=rounded", "-Nfontsize=13", "-Gbgcolor=transparent"]
  const svg = execFileSync("dot", options, { input: dot, encoding: "utf8" })
    .replace(/^[\s\S]*?(?=<svg)/, "")
    .replace(/<!--[\s\S]*?-->\n?/g, "")
    .replace(
      /<svg([^>]*)>/,
      `<svg role="img"$1>\n<title>The pipeline ${pipeline.id}</title>\n${STYLE}\n<rect class="card" x="0.5" y="0.5" width="99.5%" height="99%" rx="8"/>`
    )
    .replace(/ (?:fill|stroke)="(?:black|none|transparent)"/g, ' fill="none"')
    .replace(/ fill="none" fill="none"/g, ' fill="none"')
    .replace(/ font-family="[^"]*"/g, "")
  writeFileSync(join(import.meta.dirname, `${name}.svg`), svg)
}
