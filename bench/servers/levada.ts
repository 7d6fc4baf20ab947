/** Served by every server under measurement: a small graph, and one task that returns immediately. */
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, Store, Task } from "../../adapters/promise/index.ts"

const text = { text: Schema.String }
const shout = Task.make("shout", {
  input: text,
  output: { loud: Schema.String },
  run: async ({ text }) => ({ loud: text.toUpperCase() })
})
const count = Task.make("count", {
  input: { loud: Schema.String },
  output: { length: Schema.Number },
  run: ({ loud }) => ({ length: loud.length })
})
const join = Task.make("join", {
  input: { loud: Schema.String, length: Schema.Number },
  output: { line: Schema.String },
  run: ({ loud, length }) => ({ line: `${loud} ${length}` })
})

export const pipelines = [Pipeline.make("graph", [shout, count, join]), Pipeline.make("shout", [shout])] as const

export const levada: Levada.Levada = Levada.make({
  pipelines,
  access: Access.open,
  store: Store.layerMemory({ historyCount: 1_000 })
})

/** The bare runtime's own answer, to a GET and to a POST whose JSON it reads. */
export const hello = (body?: string): string =>
  JSON.stringify(
    body === undefined
      ? { hello: "world" }
      : { hello: (JSON.parse(body) as { parameters: { text: string } }).parameters.text }
  )
