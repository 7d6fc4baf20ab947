/** A graph as Effects, with a service and a typed failure. Run it: `node examples/effect-style.ts` */
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, Store, Task } from "../adapters/promise/index.ts"

/** The source of prices: a service that tasks require and the program provides. */
interface Prices {
  readonly of: (item: string) => Effect.Effect<number, UnknownItem>
}
const Prices = Context.Service<Prices>("examples/Prices")

class UnknownItem extends Data.TaggedError("UnknownItem")<{ readonly item: string; readonly message: string }> {}

const price = Task.make("price", {
  input: { item: Schema.String },
  output: { price: Schema.Number },
  run: ({ item }) =>
    Effect.map(
      Prices.use((prices) => prices.of(item)),
      (found) => ({ price: found })
    )
})

const total = Task.make("total", {
  input: { price: Schema.Number, quantity: Schema.Int },
  output: { total: Schema.Number },
  run: ({ price, quantity }) => Effect.succeed({ total: price * quantity })
})

/** Its type says that it needs `Prices`, and that it may fail with `UnknownItem`. */
export const quote = Pipeline.make("quote", [price, total])

const stock = new Map([["bread", 3]])
const PricesInMemory = Layer.succeed(Prices, {
  of: (item) => {
    const found = stock.get(item)
    return found === undefined
      ? Effect.fail(new UnknownItem({ item, message: `no price for '${item}'` }))
      : Effect.succeed(found)
  }
})

export const program = Effect.gen(function* () {
  yield* Console.log("total:", yield* Levada.execute(quote, { item: "bread", quantity: 2 }))
  const failure = yield* Effect.flip(Levada.execute(quote, { item: "stone", quantity: 1 }))
  yield* Console.log(failure.message) // Task 'price' failed: no price for 'stone'
}).pipe(
  Effect.provide(
    Levada.layer({ pipelines: [quote], access: Access.open }).pipe(Layer.provide([Store.layerMemory(), PricesInMemory]))
  )
)

if (import.meta.main) await Effect.runPromise(program)
