/** A graph without HTTP, for programs that use Promises. Run it: `node examples/promise-style.ts` */
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, Task } from "../adapters/promise/index.ts"

const split = Task.make("split", {
  input: { text: Schema.String },
  output: { words: Schema.Array(Schema.String) },
  run: ({ text }) => ({ words: text.split(/\s+/).filter((word) => word !== "") })
})

const count = Task.make("count", {
  input: { words: Schema.Array(Schema.String) },
  output: { count: Schema.Number },
  run: async ({ words }) => ({ count: words.length })
})

const longest = Task.make("longest", {
  input: { words: Schema.Array(Schema.String) },
  output: { longest: Schema.String },
  run: async ({ words }) => ({ longest: words.reduce((best, word) => (word.length > best.length ? word : best), "") })
})

const describe = Task.make("describe", {
  input: { count: Schema.Number, longest: Schema.String },
  output: { sentence: Schema.String },
  run: ({ count, longest }) => ({ sentence: `${count} words, the longest is '${longest}'` })
})

export const wordCount = Pipeline.make("word_count", [split, count, longest, describe])

if (import.meta.main) {
  const levada = Levada.make({ pipelines: [wordCount], access: Access.open })

  // Run it and wait: the result has the type of the one output that no task takes.
  const sentence: string = await levada.execute(wordCount, { text: "what a fine day for levadas" })
  console.log(sentence)

  // Or start it, watch it while it runs, and read its result.
  const runId = await levada.start(wordCount, { text: "a b c" })
  for await (const event of levada.watch(runId))
    console.log(event.sequence, event.type, "step" in event ? event.step : "")
  console.log(await levada.result(wordCount, runId))

  await levada.close()
}
