/** Which views of the dashboard are photographed, in which state. Change the table, then `npm run screenshots`. */
import type { Page } from "playwright-core"
import type { Demo, Options } from "./harness/DemoServer.ts"
import { DEMO_KEYS, HOSTILE } from "./harness/DemoServer.ts"

/** The demos that the shots are taken of; each is made once, and closed before the next. */
export const DEMOS = {
  empty: {},
  one: { runs: 1 },
  many: { runs: 10_000 },
  scenes: { runs: 200, scenes: true },
  secured: { runs: 20, scenes: true, secured: true }
} as const satisfies Readonly<Record<string, Options>>

/** One view in one state. */
export interface Shot {
  /** The name of its files. */
  readonly name: string
  readonly of: keyof typeof DEMOS
  /** The part of the address after `#/`. */
  readonly route: string | ((demo: Demo) => Promise<string>)
  /** Signs in with this key. */
  readonly key?: string
  /** What is done, or waited for, before the picture is taken. */
  readonly act?: (page: Page) => Promise<unknown>
  /** Whether the server ends while the page is open. Such shots are the last of their demo. */
  readonly isOffline?: boolean
  /** Whether the docs show it: then it is written into docs/dashboard, too. */
  readonly isInDocs?: boolean
  /** Whether the browser is expected to complain, because the server is gone or refuses. */
  readonly hasComplaints?: boolean
}

/** The newest run of a pipeline. */
const runOf =
  (pipelineId: string, query = "") =>
  async ({ levada }: Demo): Promise<string> => {
    const { runs } = await levada.runs({ pipelineId, limit: 1 })
    if (runs[0] === undefined) throw new Error(`There is no run of '${pipelineId}'`)
    return `runs/${runs[0].id}${query}`
  }

const pipeline = (id: string): string => `pipelines/${encodeURIComponent(id)}`

/** The run that waits, four tenths on: it has progress and log lines. */
const running = (query = "") => {
  return async (demo: Demo): Promise<string> => {
    const route = await runOf("slow_import", query)(demo)
    const run = await demo.levada.run(route.split(/[/?]/)[1]!)
    const { done = 0 } = run.steps.find(({ name }) => name === "import")?.progress ?? {}
    if (done === 0) {
      demo.open("demo", 4)
      for await (const event of demo.levada.watch(run.id))
        if (event.type === "StepProgressed" && event.done === 2_000) break
    }
    return route
  }
}

/** The table of the shots. */
export const SHOTS: ReadonlyArray<Shot> = [
  { name: "runs-none", of: "empty", route: "runs" },
  { name: "pipelines", of: "empty", route: "pipelines" },
  { name: "schedules-none", of: "empty", route: "schedules" },
  { name: "overview-empty", of: "empty", route: "overview" },
  { name: "run-unknown", of: "empty", route: "runs/none", hasComplaints: true },
  { name: "pipeline-unknown", of: "empty", route: "pipelines/none", hasComplaints: true },

  { name: "runs-one", of: "one", route: "runs" },

  { name: "runs-10000", of: "many", route: "runs", isInDocs: true },
  { name: "runs-failed", of: "many", route: "runs?status=FAILED" },
  { name: "overview-10000", of: "many", route: "overview" },
  { name: "pipeline-10000", of: "many", route: pipeline("orders"), isInDocs: true },

  { name: "runs", of: "scenes", route: "runs" },
  { name: "overview", of: "scenes", route: "overview", isInDocs: true },
  { name: "schedules", of: "scenes", route: "schedules", isInDocs: true },
  { name: "run-failed", of: "scenes", route: runOf("broken_report"), isInDocs: true },
  { name: "run-running", of: "scenes", route: running(), isInDocs: true },
  { name: "run-log", of: "scenes", route: running("?tab=log") },
  { name: "run-graph", of: "scenes", route: runOf("kind_nested", "?tab=graph"), isInDocs: true },
  { name: "run-values", of: "scenes", route: runOf("kind_map", "?tab=values") },
  { name: "run-map", of: "scenes", route: runOf("kind_map", "?step=shrink") },
  { name: "run-branch", of: "scenes", route: runOf("kind_branch") },
  { name: "run-nested", of: "scenes", route: runOf("kind_nested") },
  { name: "run-retried", of: "scenes", route: runOf("flaky_upload", "?step=upload") },
  { name: "run-large-values", of: "scenes", route: runOf("large_values") },
  { name: "run-100000-items", of: "scenes", route: runOf("hundred_thousand") },
  { name: "run-5000-steps", of: "scenes", route: runOf("graph_layers_5000") },
  { name: "run-markup", of: "scenes", route: runOf(HOSTILE.markup) },
  { name: "run-long-names", of: "scenes", route: runOf(HOSTILE.word) },
  { name: "run-right-to-left", of: "scenes", route: runOf(HOSTILE.rtl) },
  { name: "pipeline-map", of: "scenes", route: pipeline("kind_map") },
  { name: "pipeline-300-steps", of: "scenes", route: pipeline("graph_fan_300") },
  { name: "pipeline-long-names", of: "scenes", route: pipeline(HOSTILE.word) },

  { name: "login", of: "secured", route: "runs", hasComplaints: true },
  { name: "login-refused", of: "secured", route: "runs", key: "no-key-that-is-known", hasComplaints: true },
  { name: "audit", of: "secured", route: "audit", key: DEMO_KEYS.admin, hasComplaints: true, isInDocs: true },
  { name: "run-as-reader", of: "secured", route: runOf("broken_report"), key: DEMO_KEYS.reader, hasComplaints: true },
  { name: "runs-as-executor", of: "secured", route: "runs", key: DEMO_KEYS.executor, hasComplaints: true },
  {
    name: "offline",
    of: "one",
    route: "runs",
    isOffline: true,
    act: async (page) => {
      await page.keyboard.press("r")
      await page
        .getByText(/trying again/i)
        .first()
        .waitFor()
    },
    hasComplaints: true
  }
]

/** How each is looked at. */
export const SCHEMES = ["light", "dark"] as const
export const SIZES = { wide: { width: 1_280, height: 800 }, phone: { width: 390, height: 844 } } as const
