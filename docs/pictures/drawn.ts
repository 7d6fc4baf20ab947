/** The pipelines and runs of the pictures in `docs/pictures.md`, by the name of the file. */
import * as Schema from "effect/Schema"
import { Dagre } from "../../adapters/dagre/index.ts"
import { type Layout, Pipeline, Run, Step, Task } from "../../core/index.ts"

/** A picture of a pipeline, or of a run of it with these states of its steps. */
export interface Drawn {
  readonly pipeline: Pipeline.Any
  readonly states?: Readonly<Record<string, Partial<Run.StepState>>>
  /** Default: dagre. */
  readonly engine?: Layout.Engine
}

const Text = Schema.String

/** A task that joins its inputs into one text. */
const task = <const In extends string, const Out extends string>(
  name: string,
  inputs: ReadonlyArray<In>,
  output: Out
): Task.Task<string, Record<In, Schema.String>, Record<Out, Schema.String>, never, never> =>
  Task.make(name, {
    input: Object.fromEntries(inputs.map((input) => [input, Text])),
    output: { [output]: Text },
    run: (values) => ({ [output]: Object.values(values).join(" ") })
  }) as never

/** The graph of the REST guide. */
const guide = Pipeline.make("audio_analysis_v1", [
  task("extract", ["path"], "features"),
  task("tag", ["features"], "tags"),
  task("embed", ["features"], "embedding")
])

const isLong = Task.make("is_long", {
  input: { text: Text },
  output: { long: Schema.Boolean },
  run: ({ text }) => ({ long: text.length > 100 })
})
const add = Task.make("add", {
  input: { price: Schema.Number, total: Schema.Number },
  output: { total: Schema.Number },
  run: ({ price, total }) => ({ total: total + price })
})
const price = Task.make("price", {
  input: { item: Text },
  output: { price: Schema.Number },
  run: ({ item }) => ({ price: item.length })
})
const isCheap = Task.make("is_cheap", {
  input: { price: Schema.Number },
  output: { cheap: Schema.Boolean },
  run: ({ price }) => ({ cheap: price < 5 })
})

/** Items of a list: map, filter and reduce. */
const lists = Pipeline.make("basket", [
  Step.map(price, { over: { item: "items" }, outputs: { price: "prices" } }),
  Step.filter(isCheap, { over: { price: "prices" }, output: "cheap_prices" }),
  Step.reduce(add, { over: { price: "cheap_prices" }, initial: { total: 0 } })
])

/** A branch with an arm of two steps and one of one step. */
const branch = Pipeline.make("summary", [
  task("read", ["path"], "text"),
  Step.branch(isLong, {
    yes: [task("shorten", ["text"], "short"), task("polish", ["short"], "summary")],
    no: [task("copy", ["text"], "summary")]
  }),
  task("publish", ["summary"], "address")
])

const facts = Pipeline.make("facts", [
  task("clean", ["text"], "plain"),
  Step.group("measure", [task("length", ["plain"], "length"), task("language", ["plain"], "language")], {
    output: "measures"
  })
])

/** A nested pipeline with a group in it. */
const nested = Pipeline.make("report", [
  task("fetch", ["address"], "text"),
  Step.nest(facts),
  task("title", ["text"], "title"),
  Task.make("write", {
    input: { title: Text, measures: Schema.Tuple([Text, Text]) },
    output: { report: Text },
    run: ({ title, measures }) => ({ report: [title, ...measures].join("\n") })
  })
])

const ended = (millis: number) => ({
  status: "COMPLETED" as const,
  attempts: 1,
  startedAtMillis: 0,
  completedAtMillis: millis
})

/** A run in which one step has failed while others go on. */
const running: Drawn["states"] = {
  fetch: ended(1_240),
  "facts.clean": ended(80),
  "facts.measure.0.length": { status: "RUNNING", attempts: 2 },
  "facts.measure.1.language": {
    status: "FAILED",
    attempts: 3,
    startedAtMillis: 0,
    completedAtMillis: 30_400
  },
  title: ended(12),
  write: { status: "SKIPPED" },
  "facts.measure": { status: "SKIPPED" }
}

export const drawn: Readonly<Record<string, Drawn>> = {
  guide: { pipeline: guide },
  lists: { pipeline: lists },
  branch: { pipeline: branch },
  nested: { pipeline: nested },
  run: { pipeline: nested, states: running },
  items: {
    pipeline: lists,
    states: {
      price: {
        status: "COMPLETED",
        attempts: 1,
        progress: { done: 20, total: 20 },
        startedAtMillis: 0,
        completedAtMillis: 4_100,
        itemsFailed: 2
      },
      is_cheap: { status: "RUNNING", attempts: 1, progress: { done: 7, total: 18 } }
    }
  },
  "branch-run": {
    pipeline: branch,
    states: {
      read: ended(31),
      is_long: { ...ended(1), arm: "no" },
      "is_long.yes.shorten": { status: "SKIPPED" },
      "is_long.yes.polish": { status: "SKIPPED" },
      "is_long.no.copy": ended(4),
      publish: { status: "CANCELLED", attempts: 1, startedAtMillis: 0, completedAtMillis: 184_000 }
    }
  }
}

/** The run of a picture. */
export const runOf = ({ pipeline, states }: Drawn): Run.Run | undefined => {
  if (states === undefined) return undefined
  const run = Run.pending(
    {
      id: "example",
      pipelineId: pipeline.id,
      version: pipeline.version,
      kind: pipeline.kind,
      parameters: {},
      given: {},
      kept: {},
      submittedAtMillis: 0,
      startAtMillis: 0,
      onFailure: "continue",
      timeoutMillis: undefined,
      priority: 0,
      targets: undefined,
      results: [],
      retryOf: undefined,
      requestId: undefined,
      traceparent: undefined,
      schedule: undefined
    },
    pipeline.dag.names.map((name) => ({ name }))
  )
  return { ...run, status: "RUNNING", steps: run.steps.map((step) => ({ ...step, ...states[step.name] })) }
}

export const engineOf = ({ engine = Dagre.engine }: Drawn): Layout.Engine => engine
