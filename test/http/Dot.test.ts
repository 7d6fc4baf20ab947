import { spawnSync } from "node:child_process"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import * as Dag from "../../core/pipeline/Dag.ts"
import { toDot } from "../../core/render/Dot.ts"
import { MAX_NAME_LENGTH } from "../../core/values/Name.ts"
import { pipelines } from "../fixtures/pipelines.ts"
import { get, type Json, pathOf } from "./harness/Client.ts"
import { type Launched, launch } from "./harness/launch.ts"

const installed = spawnSync("dot", ["-V"]).error === undefined
if (!installed && process.env["CI"] === undefined) {
  console.warn("Graphviz is not installed (no `dot`): no test of DOT text is run")
}

/** A graph by names; order does not matter. */
interface Graph {
  readonly id: string
  readonly nodes: ReadonlyArray<string>
  readonly edges: ReadonlyArray<string>
}

// DOT has no escape for a backslash: in a quoted name, two of them stay two, and only a label shows them as one.
const unescaped = (name: string): string => name.replaceAll("\\\\", "\\")

const arrow = (from: string, to: string): string => JSON.stringify([from, to])

const graph = (id: string, nodes: ReadonlyArray<string>, edges: ReadonlyArray<Dag.Edge>): Graph => ({
  id,
  nodes: [...nodes].sort(),
  edges: edges.map(({ from, to }) => arrow(from, to)).sort()
})

/** Graphviz' reading of a DOT text, and the labels in its picture. Fails on any complaint. */
const parsed = (dot: string): { readonly graph: Graph; readonly labels: ReadonlyArray<string> } => {
  const { status, stdout, stderr, error } = spawnSync("dot", ["-Tjson"], { input: dot, encoding: "utf8" })
  if (error !== undefined) throw error
  // A missing font concerns only pictures.
  const complaints = stderr.split("\n").filter((line) => line !== "" && !/font|pango/i.test(line))
  expect([status, complaints], dot).toEqual([0, []])
  const { name, directed, objects = [], edges = [] } = JSON.parse(stdout) as Json
  expect(directed).toBe(true)
  // Graphviz renames a name that begins with a percent sign; its label is what people see.
  const names: ReadonlyArray<string> = objects.map((object: Json) =>
    unescaped(object.name.startsWith("%") ? object.label : object.name)
  )
  const label = ({ _ldraw_: drawn }: Json): string =>
    drawn.flatMap((operation: Json) => (operation.op === "T" ? [operation.text] : [])).join("\n")
  return {
    graph: graph(
      unescaped(name),
      names,
      edges.map((edge: Json) => ({ from: names[edge.tail]!, to: names[edge.head]! }))
    ),
    labels: objects.map(label).sort()
  }
}

const NASTY = [
  "node",
  "EDGE",
  "Graph",
  "digraph",
  "subgraph",
  "strict",
  "->",
  "--",
  "\\",
  "\\\\",
  '\\"',
  '"',
  "a\\",
  "\\N"
]
const MORE = [
  "%",
  "%a",
  "%\\",
  "\\n",
  "<b>",
  "&amp;",
  "{",
  "}",
  ";",
  "#",
  "//",
  "/*",
  "a:n",
  "-1.",
  "1.",
  ".5",
  "-.5",
  "1a",
  "--1",
  "é",
  "_",
  "+"
]

const name = fc.oneof(
  fc.constantFrom(...NASTY, ...MORE),
  fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: names contain none
    .filter((text) => !/[\u0000-\u001f\u007f-\u009f]/.test(text)),
  fc.string({ unit: fc.constantFrom("\\", '"', "a", " ", "1", "-", ">"), minLength: 1, maxLength: MAX_NAME_LENGTH })
)

/** Every node may need any node before it. */
const dags = fc.uniqueArray(name, { minLength: 1, maxLength: 12 }).chain((names) =>
  fc
    .tuple(
      name.filter((id) => !id.startsWith("%")), // see `parsed`
      fc.tuple(
        ...names.map((_, index) =>
          index === 0 ? fc.constant([]) : fc.uniqueArray(fc.nat(index - 1), { maxLength: 3 })
        )
      )
    )
    .map(([id, needs]) => ({ id, dag: Result.getOrThrow(Dag.make(names, needs)) }))
)

describe.runIf(installed || process.env["CI"] !== undefined)("DOT text, as Graphviz reads it", () => {
  let server: Launched
  beforeAll(async () => {
    server = await launch("node", "node")
  })
  afterAll(() => server?.close())

  test.for(pipelines.map(({ id }) => id))("of %j is the graph of /dag", async (id) => {
    const { text } = await get(server, pathOf(id, "/dag/dot"))
    const { nodes, edges } = (await get(server, pathOf(id, "/dag"))).json
    const names: ReadonlyArray<string> = nodes.map((node: Json) => node.id)
    expect(parsed(text)).toEqual({ graph: graph(id, names, edges), labels: [...names].sort() })
  })

  test("has the Dag's nodes and edges, whatever their names", () => {
    fc.assert(
      fc.property(dags, ({ id, dag }) => {
        expect(parsed(toDot({ id, dag })).graph).toEqual(graph(id, dag.names, Dag.edges(dag)))
      }),
      { numRuns: 60 }
    )
  })
})
