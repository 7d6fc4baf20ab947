/** The pipelines of the demo: one for each thing that a page has to show well. */
import * as Schema from "effect/Schema"
import { Pipeline, Step, Task } from "../../../adapters/promise/index.ts"
import { graph, guide, hostile, mixed } from "../../fixtures/pipelines.ts"
import type { Pace } from "./Pace.ts"

const Texts = Schema.Array(Schema.String)
const Numbers = Schema.Array(Schema.Number)
const range = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, at) => at)

/** Names and texts that a page must show as they are. */
export const HOSTILE = {
  markup: "<img src=x onerror=alert(1)>",
  script: "</script><script>alert(2)</script>",
  long: `a name without end ${"and on ".repeat(25)}`.slice(0, 199),
  word: "w".repeat(200),
  rtl: "تقرير الطلبات \u{202e}gnp.exe",
  emoji: "👩‍👩‍👧‍👦 🏳️‍🌈 naïve e\u{301}\u{301}\u{301}",
  attribute: "\"' onmouseover=alert(3) x='",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it must stay as it is
  template: "{{constructor.constructor('alert(4)')()}} ${alert(5)}",
  url: "javascript:alert(6)"
} as const

/** The parameter of the pipelines with these names. */
export const HOSTILE_INPUT = "<b onclick='alert(7)'>\"input\"</b>"

// -- ordinary work ---------------------------------------------------------------------------------------------------

const REASONS = [
  "connect ECONNREFUSED 10.0.4.17:5432",
  "The tax service answered 503",
  "No rate for country 'XX'",
  "Timed out after 30 s"
]

/** Runs of every outcome; what the list of runs is filled with. */
const orders = (pace: Pace) =>
  Pipeline.make("orders", [
    Task.make("load", {
      description: "Reads the orders of a day",
      input: { day: Schema.String, count: Schema.Int, millis: Schema.Number },
      output: { items: Numbers },
      run: async ({ count, millis }, { signal, log }) => {
        log(`loading ${count} orders`)
        await pace.take(millis * 0.2, signal)
        return { items: range(Math.min(count, 10_000)) }
      }
    }),
    Task.make("price", {
      description: "Adds up the prices",
      input: { items: Numbers, millis: Schema.Number },
      output: { net: Schema.Number },
      run: async ({ items, millis }, { signal, progress }) => {
        for (const tenth of [3, 6, 10]) {
          await pace.take(millis * 0.1, signal)
          progress(Math.round((items.length * tenth) / 10), items.length)
        }
        return { net: items.reduce((sum, item) => sum + item * 1.5, 0) }
      }
    }),
    Task.make("tax", {
      description: "Asks the tax service",
      input: { items: Numbers, outcome: Schema.Literals(["completed", "failed", "cancelled"]), millis: Schema.Number },
      output: { rate: Schema.Number },
      run: async ({ items, outcome, millis }, { signal, log }) => {
        await pace.take(millis * 0.3, signal)
        if (outcome === "cancelled") await pace.pass("never", signal)
        if (outcome === "failed") {
          log("no tax rate", { items: items.length }, "error")
          throw new Error(REASONS[items.length % REASONS.length]!)
        }
        return { rate: 0.2 }
      }
    }),
    Task.make("invoice", {
      description: "Writes the invoice",
      input: { net: Schema.Number, rate: Schema.Number, day: Schema.String, millis: Schema.Number },
      output: { invoice: Schema.Struct({ day: Schema.String, total: Schema.Number, currency: Schema.String }) },
      run: async ({ net, rate, day, millis }, { signal }) => {
        await pace.take(millis * 0.2, signal)
        return { invoice: { day, total: Math.round(net * (1 + rate) * 100) / 100, currency: "EUR" } }
      }
    })
  ])

// -- one pipeline for each kind of step ------------------------------------------------------------------------------

const kinds = (pace: Pace) => {
  const shrink = Task.make("shrink", {
    description: "Makes a thumbnail",
    input: { photo: Schema.String },
    output: { thumbnail: Schema.String },
    run: async ({ photo }, { item, signal, log }) => {
      await pace.take(40, signal)
      if ((item ?? 0) % 13 === 7) throw new Error(`'${photo}' is not a JPEG`, { cause: new Error("bad marker 0xffe3") })
      if ((item ?? 0) % 10 === 0) log(`shrank ${photo}`)
      return { thumbnail: `small-${photo}` }
    }
  })
  const list = Task.make("list", {
    input: { count: Schema.Int },
    output: { photos: Texts },
    run: ({ count }) => ({ photos: range(Math.min(count, 5_000)).map((at) => `photo-${at}.jpg`) })
  })
  const map = Pipeline.make("kind_map", [
    list,
    Step.map(shrink, {
      over: { photo: "photos" },
      outputs: { thumbnail: "thumbnails" },
      onItemFailure: "skip",
      concurrency: 8
    })
  ])
  const strict = Pipeline.make("kind_map_strict", [
    list,
    Step.map(shrink, {
      over: { photo: "photos" },
      outputs: { thumbnail: "thumbnails" },
      onItemFailure: "collect",
      concurrency: 8
    })
  ])
  const filter = Pipeline.make("kind_filter", [
    Step.filter(
      Task.make("is_large", {
        input: { size: Schema.Number },
        output: { large: Schema.Boolean },
        run: async ({ size }, { signal }) => {
          await pace.take(20, signal)
          return { large: size > 10 }
        }
      }),
      { over: { size: "sizes" }, output: "large_ones" }
    )
  ])
  const reduce = Pipeline.make("kind_reduce", [
    Step.reduce(
      Task.make("add", {
        input: { amount: Schema.Number, total: Schema.Number },
        output: { total: Schema.Number },
        run: async ({ amount, total }, { signal }) => {
          await pace.take(20, signal)
          return { total: total + amount }
        }
      }),
      { over: { amount: "amounts" }, initial: { total: 0 } }
    )
  ])
  const word = (name: string) =>
    Task.make(name, {
      input: { amount: Schema.Number },
      output: { decision: Schema.String },
      run: ({ amount }) => ({ decision: `${name} ${amount}` })
    })
  const branch = Pipeline.make("kind_branch", [
    Step.branch(
      Task.make("is_costly", {
        input: { amount: Schema.Number },
        output: { costly: Schema.Boolean },
        run: ({ amount }) => ({ costly: amount > 100 })
      }),
      { yes: [word("ask_manager")], no: [word("approve")] }
    ),
    Task.make("tell", {
      input: { decision: Schema.String },
      output: { told: Schema.String },
      run: ({ decision }) => ({ told: `told: ${decision}` })
    })
  ])
  const group = Pipeline.make("kind_group", [
    Step.group(
      "facts",
      ["length", "capitals", "words"].map((name) =>
        Task.make(name, {
          input: { text: Schema.String },
          output: { fact: Schema.String },
          run: async ({ text }, { signal }) => {
            await pace.take(200, signal)
            return { fact: `${name} of ${text.length}` }
          }
        })
      )
    )
  ])
  const nested = Pipeline.make("kind_nested", [
    Task.make("fetch", {
      input: { url: Schema.String },
      output: { text: Schema.String },
      run: ({ url }) => ({ text: `text of ${url}` })
    }),
    Step.nest(group),
    Task.make("publish", {
      input: { facts: Texts },
      output: { page: Schema.String },
      run: ({ facts }) => ({ page: facts.join("; ") })
    })
  ])
  const chain = Pipeline.chain("kind_chain", Texts)
    .map(
      Task.make("trim", {
        input: { text: Schema.String },
        output: { trimmed: Schema.String },
        run: ({ text }) => ({ trimmed: text.trim() })
      })
    )
    .call(
      Task.make("join", {
        input: { texts: Texts },
        output: { joined: Schema.String },
        run: ({ texts }) => ({ joined: texts.join(" ") })
      })
    )
  return [map, strict, filter, reduce, branch, group, nested, chain]
}

// -- slow, failing, hostile, large ------------------------------------------------------------------------------------

/** Reports progress and writes a log line for each tenth. With a `gate`, each tenth waits for `open_gate`. */
const slow = (pace: Pace) =>
  Pipeline.make("slow_import", [
    Task.make("download", {
      input: { rows: Schema.Int, millis: Schema.Number },
      output: { file: Schema.String },
      run: async ({ millis }, { signal, progress, log }) => {
        for (const part of [1, 2, 3, 4]) {
          await pace.take(millis / 10, signal)
          progress(part, 4)
          log(`part ${part} of 4`, { part }, "debug")
        }
        return { file: "rows.csv" }
      }
    }),
    Task.make("import", {
      input: { file: Schema.String, rows: Schema.Int, millis: Schema.Number, gate: Schema.optionalKey(Schema.String) },
      output: { imported: Schema.Int },
      run: async ({ file, rows, millis, gate }, { signal, progress, log }) => {
        for (let tenth = 1; tenth <= 10; tenth++) {
          await (gate === undefined ? pace.take(millis / 10, signal) : pace.pass(gate, signal))
          progress(Math.round((rows * tenth) / 10), rows)
          log(
            `imported ${tenth * 10} % of ${file}`,
            { rows: Math.round((rows * tenth) / 10) },
            tenth === 7 ? "warn" : "info"
          )
        }
        return { imported: rows }
      }
    }),
    Task.make("index", {
      input: { imported: Schema.Int },
      output: { indexed: Schema.Int },
      run: ({ imported }) => ({ indexed: imported })
    })
  ])

const openGate = (pace: Pace) =>
  Pipeline.make("open_gate", [
    Task.make("open", {
      input: { gate: Schema.String, times: Schema.Int },
      output: { opened: Schema.Int },
      run: ({ gate, times }) => {
        pace.open(gate, times)
        return { opened: times }
      }
    })
  ])

/** Fails twice, then goes on; with `failures` above 4 it fails for good. */
const flaky = (pace: Pace) =>
  Pipeline.make("flaky_upload", [
    Task.make("pack", { output: { archive: Schema.String }, run: () => ({ archive: "orders.zip" }) }),
    Task.make("upload", {
      description: "Retries with a longer wait each time",
      input: { archive: Schema.String, failures: Schema.Int },
      output: { address: Schema.String },
      retry: { times: 4, delayMillis: 400, factor: 2 },
      run: async ({ archive, failures }, { attempt, signal, log }) => {
        log(`attempt ${attempt}`)
        await pace.take(300, signal)
        if (attempt <= failures) throw new Error(`The server refused ${archive}: 429 Too Many Requests`)
        return { address: `https://files.example.org/${archive}` }
      }
    }),
    Task.make("announce", {
      input: { address: Schema.String },
      output: { announced: Schema.Boolean },
      run: () => ({ announced: true })
    })
  ])

const broken = Pipeline.make("broken_report", [
  Task.make("query", { input: { table: Schema.String }, output: { rows: Numbers }, run: () => ({ rows: [1, 2, 3] }) }),
  Task.make("render", {
    input: { rows: Numbers },
    output: { pdf: Schema.String },
    run: ({ rows }, { log }): { pdf: string } => {
      log("rendering", { rows: rows.length })
      log("the font is missing", { font: "Garamond" }, "warn")
      const missing = new Error("ENOENT: no such file or directory, open 'Garamond.otf'")
      const font = new Error("The font 'Garamond' can't be loaded", { cause: missing })
      throw new Error("Page 3 can't be rendered:\nline 17 of the template\nasks for a font", { cause: font })
    }
  }),
  Task.make("send", {
    input: { pdf: Schema.String },
    output: { sent: Schema.Boolean },
    run: () => ({ sent: true })
  })
])

const hostiles = [
  hostile,
  ...Object.entries(HOSTILE).map(([key, name]) =>
    Pipeline.make(name, [
      Task.make(name, {
        description: name,
        input: { [HOSTILE_INPUT]: Schema.String },
        output: { [name]: Schema.String },
        run: (inputs, { log }) => {
          log(name, { [name]: name, [HOSTILE.script]: HOSTILE.markup })
          return { [name]: `${name} ${inputs[HOSTILE_INPUT]}` }
        }
      }),
      Task.make(`${name.slice(0, 190)} fails`, {
        input: { [name]: Schema.String },
        output: { [`${key} end`]: Schema.String },
        run: () => {
          throw new Error(`${name} ${HOSTILE.markup}`, { cause: new Error(HOSTILE.script) })
        }
      })
    ])
  )
]

const MIB = 1 << 20

/** 50 values of 1 MiB of JSON each. */
const large = Pipeline.make(
  "large_values",
  range(50).map((at) =>
    Task.make(`make_${at}` as string, {
      input: { seed: Schema.String },
      output: { [`value_${at}`]: Schema.String },
      run: ({ seed }) => ({ [`value_${at}`]: `${seed}${at} `.padEnd(MIB - 2, "<b>") })
    })
  )
)

/** A map of up to 100,000 items, one in 997 of which fails. */
const wide = (pace: Pace) =>
  Pipeline.make("hundred_thousand", [
    Task.make("number", {
      input: { count: Schema.Int },
      output: { numbers: Numbers },
      run: ({ count }) => ({ numbers: range(Math.min(count, 100_000)) })
    }),
    Step.map(
      Task.make("check", {
        input: { number: Schema.Number, millis: Schema.Number },
        output: { checked: Schema.Number },
        run: async ({ number, millis }, { signal }) => {
          if (millis > 0) await pace.take(millis, signal)
          if (number % 997 === 996) throw new Error(`${number} has a wrong check digit`)
          return { checked: number % 10 }
        }
      }),
      { over: { number: "numbers" }, outputs: { checked: "digits" }, onItemFailure: "skip", concurrency: 50 }
    )
  ])

// -- graphs ------------------------------------------------------------------------------------------------------------

/** A task that adds one to the largest of its inputs. */
const node = (name: string, inputs: ReadonlyArray<string>) =>
  Task.make(name, {
    input: Object.fromEntries(inputs.map((input) => [input, Schema.Number])),
    output: { [`out_${name}`]: Schema.Number },
    run: (values: Readonly<Record<string, number>>) => ({ [`out_${name}`]: 1 + Math.max(0, ...Object.values(values)) })
  })

export const chainOf = (steps: number) =>
  Pipeline.make(
    `graph_chain_${steps}`,
    range(steps).map((at) => node(`step_${at}`, at === 0 ? [] : [`out_step_${at - 1}`]))
  )

/** One step, many steps side by side in bundles of 50, one step that gathers the bundles. At least 4 steps. */
export const fanOf = (steps: number) => {
  const bundles = range(Math.ceil((steps - 2) / 51))
  const leaves = range(steps - 2 - bundles.length)
  return Pipeline.make(`graph_fan_${steps}`, [
    node("root", []),
    ...leaves.map((at) => node(`leaf_${at}`, ["out_root"])),
    ...bundles.map((at) =>
      node(
        `bundle_${at}`,
        leaves.slice(at * 50, at * 50 + 50).map((leaf) => `out_leaf_${leaf}`)
      )
    ),
    node(
      "gather",
      bundles.map((at) => `out_bundle_${at}`)
    )
  ])
}

/** Layers of ten; each step needs two or three of the layer above. */
export const layersOf = (steps: number) =>
  Pipeline.make(
    `graph_layers_${steps}`,
    range(steps).map((at) => {
      const layer = Math.floor(at / 10)
      const above = [at % 10, (at * 3 + layer) % 10, (at * 7 + 1) % 10].map((place) => (layer - 1) * 10 + place)
      return node(`step_${at}`, layer === 0 ? [] : [...new Set(above)].map((from) => `out_step_${from}`))
    })
  )

/** The numbers of steps of the large graphs. */
export const GRAPH_SIZES = [300, 5_000] as const

/** All pipelines of the demo. */
export const demoPipelines = (pace: Pace): ReadonlyArray<Pipeline.Any> => [
  guide,
  graph,
  mixed,
  orders(pace),
  ...kinds(pace),
  slow(pace),
  openGate(pace),
  flaky(pace),
  broken,
  ...hostiles,
  large,
  wide(pace),
  ...GRAPH_SIZES.flatMap((steps) => [chainOf(steps), fanOf(steps), layersOf(steps)])
]
