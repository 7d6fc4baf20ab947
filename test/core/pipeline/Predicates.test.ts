/** What a predicate says is what its task says, however that is written down. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { afterEach, describe, expect, it } from "vitest"
import { Pipeline, Step, Task } from "../../../adapters/promise/index.ts"
import { Testing } from "../../../adapters/testing/index.ts"

const N = Schema.Number
let testing: Testing.Testing | undefined
afterEach(() => testing?.close())

/** Written the wrong way round: whoever reads the JSON for the value itself is wrong each time. */
const Inverted = Schema.Boolean.pipe(
  Schema.decodeTo(Schema.Boolean, {
    decode: SchemaGetter.transform((json: boolean) => !json),
    encode: SchemaGetter.transform((value: boolean) => !value)
  })
)
const Words = Schema.Literals(["yes", "no"]).pipe(
  Schema.decodeTo(Schema.Boolean, {
    decode: SchemaGetter.transform((word: "yes" | "no") => word === "yes"),
    encode: SchemaGetter.transform((value: boolean) => (value ? ("yes" as const) : ("no" as const)))
  })
)

const schemas = {
  "0 and 1": Schema.BooleanFromBit,
  "the opposite": Inverted as unknown as typeof Schema.BooleanFromBit,
  "yes and no": Words as unknown as typeof Schema.BooleanFromBit,
  "true and false": Schema.Boolean as unknown as typeof Schema.BooleanFromBit
}
const ways = {
  "a value": (ok: boolean) => ({ ok }),
  "a Promise": (ok: boolean) => Promise.resolve({ ok }),
  "an Effect": (ok: boolean) => Effect.succeed({ ok })
}

describe.each(Object.keys(schemas))("a predicate that is written as %s", (name) => {
  const schema = schemas[name as keyof typeof schemas]

  it.each(Object.keys(ways))("and returned as %s, filters and branches by what was said", async (way) => {
    const isEven = Task.make("isEven", {
      input: { n: N },
      output: { ok: schema },
      run: ({ n }) => ways[way as keyof typeof ways](n % 2 === 0) as { ok: boolean }
    })
    const even = Task.make("even", { output: { word: Schema.String }, run: () => ({ word: "even" }) })
    const odd = Task.make("odd", { output: { word: Schema.String }, run: () => ({ word: "odd" }) })
    const pipeline = Pipeline.make("p", [
      Step.filter(isEven, { name: "each", over: { n: "ns" }, output: "kept" }),
      Step.filter(isEven, { name: "chunks", over: { n: "ns" }, output: "keptInChunks", chunk: 2 }),
      Step.branch(isEven, { name: "choice", yes: [even], no: [odd] })
    ])
    testing = await Testing.make({ pipelines: [pipeline] })
    const ns = [1, 2, 3, 4, 5]
    for (const [n, word] of [
      [3, "odd"],
      [4, "even"]
    ] as const) {
      expect((await testing.run(pipeline, { n, ns })).result).toEqual({ kept: [2, 4], keptInChunks: [2, 4], word })
    }
  })
})
