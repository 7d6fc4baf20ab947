/** A Dag as Graphviz DOT text. Source: https://graphviz.org/doc/info/lang.html */
import { type Dag, edges } from "../pipeline/Dag.ts"

/** An identifier or numeral that DOT takes as it is. */
const PLAIN_ID = /^(?:[A-Za-z_][A-Za-z_0-9]*|-?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?))$/

/** Words that DOT takes for itself, in any case. */
const KEYWORD = /^(?:node|edge|graph|digraph|subgraph|strict)$/i

// In a quoted string only the quote is escaped by the grammar; but a backslash before a quote would take its escape
// away, and labels give backslashes a meaning, so both are escaped.
const quoted = (name: string): string => `"${name.replace(/[\\"]/g, "\\$&")}"`

const idOf = (name: string): string => (PLAIN_ID.test(name) && !KEYWORD.test(name) ? name : quoted(name))

// Graphviz takes a name that begins with a percent sign for one of its own, and would not show it.
const isHidden = (name: string): boolean => name.startsWith("%")

/** `digraph "id" { … }`: every edge, and every node that has none. Names are quoted when DOT needs it. */
export const toDot = (id: string, dag: Dag): string => {
  const lines = edges(dag).map(({ from, to }) => `  ${idOf(from)} -> ${idOf(to)};`)
  const nodes = dag.names.flatMap((name, node) => {
    if (isHidden(name)) return [`  ${quoted(name)} [label=${quoted(name)}];`]
    return dag.dependencies[node]!.length + dag.dependents[node]!.length === 0 ? [`  ${idOf(name)};`] : []
  })
  return [`digraph ${quoted(id)} {`, "  node [shape=box];", ...nodes, ...lines, "}", ""].join("\n")
}
