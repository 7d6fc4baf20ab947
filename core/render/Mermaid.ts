/** A picture as a Mermaid flowchart. Source: https://mermaid.js.org/syntax/flowchart.html */
import type * as Pipeline from "../pipeline/Pipeline.ts"
import type { Run } from "../run/Run.ts"
import * as Picture from "./Picture.ts"
import { kindOf, shown, statusOf } from "./Words.ts"

/** How each kind is drawn: what stands before its text and behind it. */
const SHAPES: Readonly<Record<Picture.Node["kind"], readonly [before: string, behind: string]>> = {
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

/** `flowchart TD …`: nodes are `n0`, `n1`, … in order of registration, with their names as texts. */
export const toMermaid = (pipeline: Pipeline.Any, run?: Run): string => {
  const { nodes, edges, boxes } = Picture.make(pipeline, run)
  const lines = ["flowchart TD"]
  const inside = (box: number, indent: string): void => {
    for (const [at, node] of nodes.entries()) if (node.box === box) lines.push(`${indent}${nodeOf(node, at)}`)
    for (const [at, { box: around, label }] of boxes.entries()) {
      if (around !== box) continue
      lines.push(`${indent}subgraph b${at}["${escaped(label)}"]`)
      inside(at, `${indent}  `)
      lines.push(`${indent}end`)
    }
  }
  inside(-1, "  ")
  for (const { from, to, arm } of edges) lines.push(`  n${from} -->${arm === undefined ? "" : `|${arm}|`} n${to}`)
  if (nodes.some(({ state }) => state !== undefined)) lines.push(...CLASSES)
  return `${lines.join("\n")}\n`
}

const nodeOf = (node: Picture.Node, at: number): string => {
  const { label, kind, state } = node
  const [before, behind] = SHAPES[kind]
  const texts = [escaped(label), kindOf(node), state === undefined ? "" : statusOf(state)].filter((text) => text !== "")
  const style = state === undefined || state.status === "PENDING" ? "" : `:::${state.status.toLowerCase()}`
  return `n${at}${before}"${texts.join("<br>")}"${behind}${style}`
}

// A number sign begins an entity, and texts are Markdown and HTML: all that may mean something is an entity.
const escaped = (text: string): string => shown(text).replace(/[^\p{L}\p{N} ·]/gu, (sign) => `#${sign.codePointAt(0)};`)
