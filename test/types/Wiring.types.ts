/**
 * Pipelines that the compiler has to accept and to refuse. Compiled by a test, never run. Each line under
 * `@ts-expect-error` must not compile; `Wiring.test.ts` checks the messages.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Access, Levada, Pipeline, Store, Task } from "../../adapters/promise/index.ts"

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => undefined

const S = Schema.String
const N = Schema.Number
const Features = Schema.Struct({ mean: N })

const extract = Task.make("extract", {
  input: { path: S },
  output: { features: Features },
  run: ({ path }) => ({ features: { mean: path.length } })
})
const tag = Task.make("tag", {
  input: { features: Features },
  output: { tags: Schema.Array(S) },
  run: async ({ features }) => ({ tags: [String(features.mean)] })
})
const embed = Task.make("embed", {
  input: { features: Features, size: Schema.optionalKey(N) },
  output: { embedding: Schema.Array(N) },
  run: ({ features, size }) => Effect.succeed({ embedding: [features.mean, size ?? 0] })
})

// Parameters and results are inferred.
const audio = Pipeline.make("audio", [extract, tag, embed])
same<Pipeline.ParametersOf<typeof audio>, { readonly path: string; readonly size?: number }>(true)
same<
  Pipeline.ResultOf<typeof audio>,
  { readonly tags: ReadonlyArray<string>; readonly embedding: ReadonlyArray<number> }
>(true)
const tagging = Pipeline.make("tagging", [tag, extract])
same<Pipeline.ResultOf<typeof tagging>, ReadonlyArray<string>>(true)

const levada = Levada.make({ pipelines: [audio, tagging], access: Access.open })
const tags: Promise<ReadonlyArray<string>> = levada.execute(tagging, { path: "x" })
void tags
// @ts-expect-error a parameter is missing
void levada.execute(tagging, {})
// @ts-expect-error a parameter has the wrong type
void levada.execute(tagging, { path: 1 })
// @ts-expect-error no such parameter
void levada.execute(tagging, { path: "x", other: 1 })
// @ts-expect-error the result is not a string
const wrong: Promise<string> = levada.execute(tagging, { path: "x" })
void wrong

// Outputs of a task are checked against its declaration.
// @ts-expect-error an output of another type
Task.make("bad", { output: { n: N }, run: () => ({ n: "x" }) })
// @ts-expect-error a missing output, in a Promise
Task.make("bad", { output: { n: N }, run: async () => ({}) })
// @ts-expect-error an output of another type, in an Effect
Task.make("bad", { output: { n: N }, run: () => Effect.succeed({ n: true }) })
// @ts-expect-error an input that was not declared
Task.make("bad", { input: { a: S }, output: { n: N }, run: ({ b }) => ({ n: b }) })

// A task may have no outputs, or no inputs.
const ends = Task.make("ends", { input: { path: S }, run: () => ({}) })
same<Pipeline.ResultOf<ReturnType<typeof ending>>, {}>(true)
const ending = () => Pipeline.make("p", [ends])

// Mistakes of wiring.
const reads = Task.make("reads", {
  input: { features: S },
  output: { read: S },
  run: ({ features }) => ({ read: features })
})
// @ts-expect-error wrong-type
Pipeline.make("p", [extract, reads])
const tagsToo = Task.make("tagsToo", { output: { tags: S }, run: () => ({ tags: "" }) })
// @ts-expect-error duplicate-output
Pipeline.make("p", [extract, tag, tagsToo])
const self = Task.make("self", { input: { s: S }, output: { s: S }, run: ({ s }) => ({ s }) })
// @ts-expect-error self-dependency
Pipeline.make("p", [self])
const pathAsNumber = Task.make("pathAsNumber", {
  input: { path: N },
  output: { p: N },
  run: ({ path }) => ({ p: path })
})
// @ts-expect-error parameter-conflict
Pipeline.make("p", [extract, pathAsNumber])
const maybe = Task.make("maybe", { output: { note: Schema.optionalKey(S) }, run: () => ({}) })
const needs = Task.make("needs", { input: { note: S }, output: { noted: S }, run: ({ note }) => ({ noted: note }) })
// @ts-expect-error optional-output
Pipeline.make("p", [maybe, needs])
const wants = Task.make("wants", {
  input: { note: Schema.optionalKey(S) },
  output: { noted: S },
  run: ({ note }) => ({ noted: note ?? "" })
})
same<Pipeline.ParametersOf<ReturnType<typeof optional>>, {}>(true)
const optional = () => Pipeline.make("p", [maybe, wants])

// Errors and requirements of Effects flow to the pipeline; services have to be provided.
class Model extends Context.Service<Model, { readonly size: number }>()("test/Model") {}
class Unhappy extends Data.Error {}
const asks = Task.make("asks", {
  input: { x: N },
  output: { y: N },
  run: ({ x }) =>
    Effect.flatMap(Model, ({ size }) => (x > size ? Effect.fail(new Unhappy()) : Effect.succeed({ y: x })))
})
const asking = Pipeline.make("asking", [asks])
same<Pipeline.RequirementsOf<typeof asking>, Model>(true)
same<Pipeline.ErrorOf<typeof asking>, Unhappy>(true)
same<Pipeline.RequirementsOf<typeof audio>, never>(true)
// @ts-expect-error the service is missing
Levada.make({ pipelines: [asking], access: Access.open })
// @ts-expect-error access has no default
Levada.make({ pipelines: [audio] })

// A pipeline that is only known at run time can be used like any other; its errors and services are known.
const built = Result.getOrThrow(Pipeline.fromTasks("built", "dataflow", [extract, tag, embed]))
same<Pipeline.RequirementsOf<typeof built>, never>(true)
const both = Levada.make({ pipelines: [built, audio], access: Access.open })
const unknown: Promise<unknown> = both.execute(built, { path: "x" })
void unknown
const listed: ReadonlyArray<typeof extract | typeof tag> = [extract, tag]
Levada.make({ pipelines: [Result.getOrThrow(Pipeline.fromTasks("b", "sequential", listed))], access: Access.open })
const builtAsking = Result.getOrThrow(Pipeline.fromTasks("builtAsking", "sequential", [asks]))
same<Pipeline.RequirementsOf<typeof builtAsking>, Model>(true)
same<Pipeline.ErrorOf<typeof builtAsking>, Unhappy>(true)
Levada.make({ pipelines: [builtAsking], access: Access.open, services: Layer.succeed(Model, { size: 1 }) })
// @ts-expect-error the service is missing
Levada.make({ pipelines: [builtAsking], access: Access.open })
// @ts-expect-error its result is unknown
const known: Promise<string> = both.execute(built, { path: "x" })
void known
// @ts-expect-error no such kind
Pipeline.fromTasks("b", "parallel", [extract])

// Services that take the place of Levada's: these, and no others.
const limiter = Layer.succeed(Store.RateLimiter, {
  take: () => Effect.succeed({ isAllowed: true, remaining: 1, resetMillis: 1 })
})
const ofStore = Layer.effect(
  Store.AuditLog,
  Effect.map(Store.Store, ({ audit }) => audit)
)
Levada.make({ pipelines: [audio], access: Access.open, overrides: Layer.merge(limiter, ofStore) })
Levada.make({
  pipelines: [asking],
  access: Access.open,
  overrides: limiter,
  services: Layer.succeed(Model, { size: 1 })
})
// @ts-expect-error no service of Levada's
Levada.make({ pipelines: [audio], access: Access.open, overrides: Layer.succeed(Model, { size: 1 }) })
// @ts-expect-error something beside the Store is missing
Levada.make({ pipelines: [audio], access: Access.open, overrides: Layer.provide(limiter, Layer.effectDiscard(Model)) })
// @ts-expect-error a limiter that gives something else
Layer.succeed(Store.RateLimiter, { take: () => Effect.succeed(true) })
same<Layer.Services<ReturnType<typeof plain>>, Store.Store>(true)
same<Layer.Error<ReturnType<typeof plain>>, Levada.MakeError>(true)
const plain = () => Levada.layer({ pipelines: [audio], access: Access.open })
same<Layer.Services<ReturnType<typeof replaced>>, Store.Store | Model>(true)
same<Layer.Error<ReturnType<typeof replaced>>, Levada.MakeError | Unhappy>(true)
const failing = Layer.effect(Store.RateLimiter, Effect.fail(new Unhappy()))
const replaced = () => Levada.layer({ pipelines: [asking], access: Access.open, overrides: failing })

// A schedule fires by a cron or at intervals, not both.
const parameters = { path: "x" }
Levada.schedule(audio, { timing: { cron: "0 3 * * *", timeZone: "Europe/Lisbon" }, parameters })
Levada.schedule(audio, { timing: { everyMillis: 1_000 }, parameters })
// @ts-expect-error both
Levada.schedule(audio, { timing: { cron: "0 3 * * *", everyMillis: 1_000 }, parameters })
// @ts-expect-error neither
Levada.schedule(audio, { timing: {}, parameters })
// @ts-expect-error an interval has no time zone
Levada.schedule(audio, { timing: { everyMillis: 1_000, timeZone: "Europe/Lisbon" }, parameters })
