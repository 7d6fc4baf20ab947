/**
 * Steps and chains that the compiler has to accept and to refuse. Compiled by a test, never run. Each line under
 * `@ts-expect-error` must not compile; `Wiring.test.ts` checks the messages.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, Step, Task } from "../../adapters/promise/index.ts"

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => undefined

const S = Schema.String
const N = Schema.Number
const Page = Schema.Struct({ url: S, size: N })

const list = Task.make("list", { input: { site: S }, output: { urls: Schema.Array(S) }, run: () => ({ urls: [] }) })
const load = Task.make("load", {
  input: { url: S, depth: N },
  output: { page: Page },
  run: async ({ url }) => ({ page: { url, size: url.length } })
})
const isLarge = Task.make("isLarge", {
  input: { page: Page, least: Schema.optionalKey(N) },
  output: { large: Schema.Boolean },
  run: ({ page, least }) => ({ large: page.size > (least ?? 10) })
})
const total = Task.make("total", {
  input: { sum: N, page: Page },
  output: { sum: N },
  run: ({ sum, page }) => ({ sum: sum + page.size })
})

// -- lists -----------------------------------------------------------------------------------------------------------

const pages = Step.map(load, { over: { url: "urls" }, outputs: { page: "pages" } })
const large = Step.filter(isLarge, { over: { page: "pages" }, output: "large" })
const sum = Step.reduce(total, { over: { page: "large" }, initial: { sum: 0 } })

// Items and results are inferred: the input of a map is a list of items, and so is its output.
const whole = Pipeline.make("whole", [list, pages, large, sum])
same<Pipeline.ParametersOf<typeof whole>, { readonly site: string; readonly depth: number; readonly least?: number }>(
  true
)
same<Pipeline.ResultOf<typeof whole>, number>(true)
const half = Pipeline.make("half", [list, pages, large])
same<Pipeline.ResultOf<typeof half>, ReadonlyArray<{ readonly url: string; readonly size: number }>>(true)
const alone = Pipeline.make("alone", [pages])
same<Pipeline.ParametersOf<typeof alone>, { readonly depth: number; readonly urls: ReadonlyArray<string> }>(true)

// Constants and other names.
const fixed = Pipeline.make("fixed", [Step.map(load, { over: { url: "urls" }, constants: { depth: 1 } })])
same<Pipeline.ParametersOf<typeof fixed>, { readonly urls: ReadonlyArray<string> }>(true)
const sweep = Pipeline.make("sweep", [Step.map(load, { over: { url: "urls", depth: "depths" } })])
same<
  Pipeline.ParametersOf<typeof sweep>,
  { readonly urls: ReadonlyArray<string>; readonly depths: ReadonlyArray<number> }
>(true)

const numbers = Task.make("numbers", { output: { urls: Schema.Array(N) }, run: () => ({ urls: [] }) })
// @ts-expect-error map-of-wrong-items
Pipeline.make("p", [numbers, pages])
const single = Task.make("single", { output: { urls: S }, run: () => ({ urls: "" }) })
// @ts-expect-error map-of-no-list
Pipeline.make("p", [single, pages])
// @ts-expect-error no such input
Step.map(load, { over: { link: "urls" } })
// @ts-expect-error a constant of another type
Step.map(load, { over: { url: "urls" }, constants: { depth: "deep" } })
// @ts-expect-error no such output
Step.map(load, { over: { url: "urls" }, outputs: { text: "texts" } })
const count = Task.make("count", { input: { page: Page }, output: { count: N }, run: () => ({ count: 1 }) })
// @ts-expect-error filter-by-number
Step.filter(count, { over: { page: "pages" }, output: "kept" })
const two = Task.make("two", {
  input: { page: Page },
  output: { a: Schema.Boolean, b: Schema.Boolean },
  run: () => ({ a: true, b: true })
})
// @ts-expect-error filter-by-two
Step.filter(two, { over: { page: "pages" }, output: "kept" })
// @ts-expect-error reduce-without-input
Step.reduce(count, { over: { page: "pages" }, initial: { count: 0 } })
const crooked = Task.make("crooked", { input: { sum: N, page: Page }, output: { sum: S }, run: () => ({ sum: "" }) })
// @ts-expect-error reduce-of-another-type
Step.reduce(crooked, { over: { page: "pages" }, initial: { sum: "" } })
// @ts-expect-error the initial value has another type
Step.reduce(total, { over: { page: "pages" }, initial: { sum: "0" } })
// @ts-expect-error the initial value is missing
Step.reduce(total, { over: { page: "pages" } })

Step.map(load, { over: { url: "urls" }, onItemFailure: "skip" })
Step.map(load, { over: { url: "urls" }, onItemFailure: "collect", toleratedItemFailures: 3 })
Step.filter(isLarge, { over: { page: "pages" }, output: "large", onItemFailure: "skip", toleratedItemFailures: "10%" })
// @ts-expect-error no such rule
Step.map(load, { over: { url: "urls" }, onItemFailure: "ignore" })
// @ts-expect-error a share is in percent
Step.map(load, { over: { url: "urls" }, onItemFailure: "skip", toleratedItemFailures: "10" })
// @ts-expect-error a reduce needs every item
Step.reduce(total, { over: { page: "pages" }, initial: { sum: 0 }, onItemFailure: "skip" })
// @ts-expect-error a step without items has none that fail
Step.make(load, { onItemFailure: "skip" })

// -- branches --------------------------------------------------------------------------------------------------------

const ask = Task.make("ask", { input: { n: N }, output: { yes: Schema.Boolean }, run: ({ n }) => ({ yes: n > 0 }) })
const asText = Task.make("asText", { input: { n: N }, output: { shown: S }, run: ({ n }) => ({ shown: String(n) }) })
const negate = Task.make("negate", { input: { n: N }, output: { m: N }, run: ({ n }) => ({ m: -n }) })
const asNumber = Task.make("asNumber", {
  input: { m: N, by: N },
  output: { shown: N },
  run: ({ m, by }) => ({ shown: m * by })
})
const warn = Task.make("warn", { input: { n: N }, output: { warning: S }, run: () => ({ warning: "" }) })
const choice = Step.branch(ask, { yes: [asText], no: [negate, asNumber, warn] })

// An output of both arms is present, of either type; an output of one arm is optional; inner names are not visible.
const chosen = Pipeline.make("chosen", [choice])
same<Pipeline.ParametersOf<typeof chosen>, { readonly n: number; readonly by: number }>(true)
same<Pipeline.ResultOf<typeof chosen>, { readonly shown: string | number; readonly warning?: string }>(true)
const takesShown = Task.make("takesShown", {
  input: { shown: Schema.Union([S, N]) },
  output: { z: N },
  run: () => ({ z: 1 })
})
const joined = Pipeline.make("joined", [choice, takesShown])
same<Pipeline.ResultOf<typeof joined>, { readonly warning?: string; readonly z: number }>(true)
const only = Pipeline.make("only", [Step.branch(ask, { yes: [asText] })])
same<Pipeline.ResultOf<typeof only>, string | undefined>(true)
const takesText = Task.make("takesText", { input: { shown: S }, output: { z: N }, run: () => ({ z: 1 }) })
// @ts-expect-error join-of-one-type
Pipeline.make("p", [choice, takesText])
const takesWarning = Task.make("takesWarning", { input: { warning: S }, output: { z: N }, run: () => ({ z: 1 }) })
// @ts-expect-error arm-may-not-be-taken
Pipeline.make("p", [choice, takesWarning])
// @ts-expect-error branch-by-number
Step.branch(negate, { yes: [asText] })
const takesNumber = Task.make("takesNumber", { input: { shown: N }, output: { z: N }, run: () => ({ z: 1 }) })
// @ts-expect-error wiring-in-an-arm
Step.branch(ask, { yes: [asText, takesNumber] })

// -- groups and pipelines within pipelines ---------------------------------------------------------------------------

const grouped = Pipeline.make("grouped", [Step.group("both", [asText, negate])])
same<Pipeline.ParametersOf<typeof grouped>, { readonly n: number }>(true)
same<Pipeline.ResultOf<typeof grouped>, readonly [string, number]>(true)
// @ts-expect-error group-of-two-outputs
Step.group("g", [two])

const inner = Pipeline.make("inner", [negate])
const nested = Pipeline.make("nested", [Step.nest(inner, { inputs: { n: "start" }, outputs: { m: "n" } }), asText])
same<Pipeline.ParametersOf<typeof nested>, { readonly start: number }>(true)
same<Pipeline.ResultOf<typeof nested>, string>(true)
// @ts-expect-error the pipeline has no such parameter
Step.nest(inner, { inputs: { k: "start" } })
const strings = Task.make("strings", { output: { n: S }, run: () => ({ n: "" }) })
// @ts-expect-error nested-of-another-type
Pipeline.make("p", [strings, Step.nest(inner)])

// -- chains ----------------------------------------------------------------------------------------------------------

const isShown = Task.make("isShown", {
  input: { shown: S },
  output: { yes: Schema.Boolean },
  run: () => ({ yes: true })
})
const chain = Pipeline.chain("chain", S)
  .call(list)
  .map(load, { depth: 2 })
  .filter(isLarge, { least: 5 })
  .reduce(total, 0)
  .group([negate, asText])
same<Pipeline.ParametersOf<typeof chain>, { readonly input: string }>(true)
same<Pipeline.ResultOf<typeof chain>, readonly [number, string]>(true)
const inside = Pipeline.make("inside", [
  Step.nest(Pipeline.chain("c", N).call(negate), { outputs: { result: "back" } as never })
])
void inside
const lenient = Pipeline.chain("lenient", Schema.Array(N))
  .map(asText, {}, { onItemFailure: "skip", chunk: 2 })
  .filter(isShown, {}, { onItemFailure: "collect", toleratedItemFailures: "5%" })
same<Pipeline.ResultOf<typeof lenient>, ReadonlyArray<string>>(true)
// @ts-expect-error no such rule
Pipeline.chain("c", Schema.Array(N)).map(asText, {}, { onItemFailure: "stop" })
// @ts-expect-error chain-call-of-another-type
Pipeline.chain("c", N).call(list)
// @ts-expect-error chain-two-free-inputs
Pipeline.chain("c", S).call(load)
// @ts-expect-error the constant has another type
Pipeline.chain("c", S).call(load, { depth: "deep" })
// @ts-expect-error no such input
Pipeline.chain("c", S).call(list, { depth: 1 })
// @ts-expect-error chain-map-of-another-item
Pipeline.chain("c", S).call(list).map(negate)
// @ts-expect-error map over a value that is not a list
Pipeline.chain("c", S).map(list)
// @ts-expect-error chain-filter-by-number
Pipeline.chain("c", S).call(list).map(load, { depth: 1 }).filter(count)
// @ts-expect-error the initial value has another type
Pipeline.chain("c", S).call(list).map(load, { depth: 1 }).reduce(total, "0")
// @ts-expect-error chain-reduce-of-another-item
Pipeline.chain("c", S).call(list).reduce(total, 0)
// @ts-expect-error chain-group-of-another-type
Pipeline.chain("c", S).group([list, negate])

// -- errors, services, parts -----------------------------------------------------------------------------------------

class Model extends Context.Service<Model, { readonly size: number }>()("test/Model") {}
class Unhappy extends Data.Error {}
const asks = Task.make("asks", {
  input: { n: N },
  output: { yes: Schema.Boolean },
  run: ({ n }) =>
    Effect.flatMap(Model, ({ size }) => (n > size ? Effect.fail(new Unhappy()) : Effect.succeed({ yes: true })))
})
for (const asking of [
  Pipeline.make("a", [Step.map(asks, { over: { n: "ns" } })]),
  Pipeline.make("b", [Step.branch(asks, { yes: [negate] })]),
  Pipeline.make("c", [Step.branch(ask, { yes: [Step.make(asks, { outputs: { yes: "z" } })] })])
]) {
  same<Pipeline.RequirementsOf<typeof asking>, Model>(true)
  same<Pipeline.ErrorOf<typeof asking>, Unhappy>(true)
  // @ts-expect-error the service is missing
  Levada.make({ pipelines: [asking], access: Access.open })
}
const asked = Pipeline.chain("d", N).call(negate).call(asks)
same<Pipeline.RequirementsOf<typeof asked>, Model>(true)
same<Pipeline.ErrorOf<typeof asked>, Unhappy>(true)

const levada = Levada.make({ pipelines: [whole, chain], access: Access.open })
const result: Promise<number> = levada.execute(whole, { site: "x", depth: 1 })
void result
// A part may leave out some parameters, and its result is not known to the types.
const part: Promise<unknown> = levada.execute(whole, { depth: 1 }, { given: { urls: [] }, targets: ["pages"] })
void part
// @ts-expect-error the result of targets is unknown
const known: Promise<number> = levada.execute(whole, { depth: 1 }, { targets: ["pages"] })
void known
// @ts-expect-error a parameter is missing
void levada.execute(whole, { depth: 1 }, { onFailure: "skip" })
// @ts-expect-error no such option
void levada.execute(whole, { site: "x", depth: 1 }, { onfailure: "skip" })
// @ts-expect-error no such policy
void levada.execute(whole, { site: "x", depth: 1 }, { onFailure: "ignore" })
// @ts-expect-error a parameter of a part has the wrong type
void levada.execute(whole, { depth: "1" }, { targets: ["pages"] })
Levada.schedule(whole, { timing: { cron: "0 3 * * *" }, parameters: { site: "x", depth: 1 } })
// @ts-expect-error a schedule's parameters are checked too
Levada.schedule(whole, { timing: { cron: "0 3 * * *" }, parameters: { site: "x" } })
// @ts-expect-error a limit's key is made of the task's own inputs
Task.make("t", { input: { a: S }, limit: { key: ({ b }) => b, max: 1 }, run: () => ({}) })
