/** Renders a pipeline as Graphviz DOT. Source: https://graphviz.org/doc/info/lang.html */
import { edges } from "../pipeline/Dag.ts"
import type * as Pipeline from "../pipeline/Pipeline.ts"

/** An identifier or numeral that DOT accepts without quotes. */
const PLAIN_ID = /^(?:[A-Za-z_][A-Za-z_0-9]*|-?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?))$/

/** The keywords of DOT, in any case. */
const KEYWORD = /^(?:node|edge|graph|digraph|subgraph|strict)$/i

// In a quoted string the grammar escapes only the quote. Backslashes are doubled too: one before a quote would undo the
// quote's escape, and in labels a backslash has a meaning.
const quoted = (name: string): string => `"${name.replace(/[\\"]/g, "\\$&")}"`

const idOf = (name: string): string => (PLAIN_ID.test(name) && !KEYWORD.test(name) ? name : quoted(name))

// Graphviz treats a node whose name begins with `%` as its own and shows no label, so such a node needs an explicit label.
const needsLabel = (name: string): boolean => name.startsWith("%")

/** `digraph "id" { … }` with every edge and every node without edges. Names are quoted where DOT requires it. */
export const toDot = ({ id, dag }: Pick<Pipeline.Any, "id" | "dag">): string => {
  const lines = edges(dag).map(({ from, to }) => `  ${idOf(from)} -> ${idOf(to)};`)
  const nodes = dag.names.flatMap((name, node) => {
    if (needsLabel(name)) return [`  ${quoted(name)} [label=${quoted(name)}];`]
    return dag.dependencies[node]!.length + dag.dependents[node]!.length === 0 ? [`  ${idOf(name)};`] : []
  })
  return [`digraph ${quoted(id)} {`, "  node [shape=box];", ...nodes, ...lines, "}", ""].join("\n")
}
