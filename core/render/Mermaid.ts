/** Renders a pipeline as a Mermaid flowchart. Source: https://mermaid.js.org/syntax/flowchart.html */
import type * as Pipeline from "../pipeline/Pipeline.ts"
import type { Run } from "../run/Run.ts"
import * as Picture from "./Picture.ts"
import { detailsOf, shown } from "./Words.ts"

/** The brackets of each kind's shape. */
const SHAPES: Readonly<Record<Picture.Node["kind"], readonly [open: string, close: string]>> = {
  task: ["[", "]"],
  map: ["[[", "]]"],
  filter: ["[/", "\\]"],
  reduce: ["[\\", "/]"],
  branch: ["{{", "}}"],
  pipeline: ["[[", "]]"],
  group: ["[[", "]]"]
}

const CLASSES = [
  "  classDef running stroke:#0b68cb,stroke-width:2px",
  "  classDef completed stroke:#1f7a3d",
  "  classDef failed stroke:#c62a2f,stroke-width:2px",
  "  classDef cancelled stroke:#9a5b00",
  "  classDef skipped stroke-dasharray:3 3"
]

/**
 * `flowchart TD …`: nodes `n0`, `n1`, … in order of registration, labelled with the names of the steps; subgraphs for nested
 * pipelines and groups. With a run, nodes also show their status.
 */
export const toMermaid = (pipeline: Pipeline.Any, run?: Run): string => {
  const { nodes, edges, boxes } = Picture.of(pipeline, run)
  /** The lines of each box, without their indent; first those of its nodes, then those of its boxes. */
  const inside: ReadonlyArray<Array<string>> = [-1, ...boxes.keys()].map(() => [])
  for (const [at, node] of nodes.entries()) inside[node.box + 1]!.push(nodeOf(node, at))
  // A box comes after the box around it, so the last ones are complete first.
  for (const [at, { box, label }] of [...boxes.entries()].reverse()) {
    const lines = inside[at + 1]!.map((line) => `  ${line}`)
    inside[box + 1]!.push(`subgraph b${at}["${escaped(label)}"]`, ...lines, "end")
  }
  const lines = ["flowchart TD", ...inside[0]!.map((line) => `  ${line}`)]
  for (const { from, to, arm } of edges) lines.push(`  n${from} -->${arm === undefined ? "" : `|${arm}|`} n${to}`)
  if (nodes.some(({ state }) => state !== undefined)) lines.push(...CLASSES)
  return `${lines.join("\n")}\n`
}

const nodeOf = (node: Picture.Node, at: number): string => {
  const { label, kind, state } = node
  const [open, close] = SHAPES[kind]
  const texts = [label, ...detailsOf(node)]
  const style = state === undefined || state.status === "PENDING" ? "" : `:::${state.status.toLowerCase()}`
  return `n${at}${open}"${texts.map(escaped).join("<br>")}"${close}${style}`
}

// Mermaid reads texts as Markdown and HTML, and `#` begins an entity. So everything but letters, digits and spaces is an entity.
// It decodes entities before it looks for icons (`fa:fa-car`), line breaks (`\\n`) and formulas (`$$x$$`); an invisible sign breaks these.
const escaped = (text: string): string =>
  shown(text)
    .replace(/:(?=fa-)|\\(?=n)|\$(?=\$)/g, "$&\u2060")
    .replace(/[^\p{L}\p{N} ·]/gu, (sign) => `#${sign.codePointAt(0)};`)
