/** Runs of any size and state, without a Store. */
import fc from "fast-check"
import * as Run from "../../core/run/Run.ts"

/** A run of steps with these names and states, which began 10 s after 1970. */
export const runOf = (
  steps: ReadonlyArray<Partial<Run.StepState> & { readonly name: string }>,
  more: Partial<Run.Run> = {}
): Run.Run => {
  const pending = Run.pending(
    {
      id: "01k8",
      pipelineId: "nightly",
      version: "1",
      kind: undefined,
      parameters: {},
      given: {},
      kept: {},
      submittedAtMillis: 0,
      startAtMillis: 0,
      onFailure: "fail-fast",
      timeoutMillis: undefined,
      priority: 0,
      targets: undefined,
      results: [],
      retryOf: undefined,
      requestId: undefined,
      traceparent: undefined,
      schedule: undefined
    },
    steps
  )
  return {
    ...pending,
    status: "RUNNING",
    startedAtMillis: 10_000,
    steps: pending.steps.map((step, at) => ({ ...step, ...steps[at] })),
    stepsCompleted: steps.filter(({ status }) => status === "COMPLETED").length,
    ...more
  }
}

/** Texts of every kind, among them control sequences, signs that turn others, wide and joined ones. */
export const hostileText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 20 }),
      fc.string({ unit: "grapheme", maxLength: 20 }),
      fc.constantFrom(
        "\u{1b}[2J\u{1b}[H",
        "\u{1b}]0;title\u{7}",
        "\u{9b}31m",
        "\r\n",
        "\u{8}".repeat(9),
        "\u{202e}gnp.exe",
        "\u{2067}\u{200f}",
        "日本語の名前",
        "👩‍👩‍👧‍👦🏳️‍🌈❤️",
        `e${"\u{301}".repeat(50)}`,
        "\u{e0041}\u{ad}\u{feff}",
        "\ud83d",
        "x".repeat(600)
      )
    ),
    { minLength: 1, maxLength: 4 }
  )
  .map((parts) => parts.join(""))

const error = fc.record(
  {
    name: hostileText,
    message: hostileText,
    step: hostileText,
    item: fc.nat(),
    cause: fc.record({ name: fc.constant("Error"), message: hostileText })
  },
  { requiredKeys: ["name", "message"] }
)

const step = fc.record(
  {
    name: hostileText,
    status: fc.constantFrom("PENDING", "RUNNING", "COMPLETED", "FAILED", "SKIPPED", "CANCELLED" as const),
    attempts: fc.nat(9),
    startedAtMillis: fc.nat(100_000),
    completedAtMillis: fc.nat(100_000),
    retryAtMillis: fc.nat(100_000),
    reason: hostileText,
    error,
    progress: fc.record({ done: fc.nat(), total: fc.nat() }),
    itemsFailed: fc.nat(),
    memoised: fc.boolean()
  },
  { requiredKeys: ["name", "status"] }
)

/** Any run: no Store would make some of them. */
export const anyRun: fc.Arbitrary<Run.Run> = fc
  .record(
    {
      pipelineId: hostileText,
      status: fc.constantFrom(...Run.STATUSES),
      error,
      reason: hostileText,
      steps: fc.array(step as fc.Arbitrary<Partial<Run.StepState> & { readonly name: string }>, { maxLength: 40 })
    },
    { requiredKeys: ["pipelineId", "status", "steps"] }
  )
  .map(({ steps, ...more }) => {
    const run = runOf(steps)
    return { ...run, ...(more as Partial<Run.Run>) }
  })
