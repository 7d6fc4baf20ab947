/** Compiles what must not compile and reads what the compiler says; and times the checking of a large pipeline. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { afterAll, describe, expect, it } from "vitest"
import * as compiler from "../compiler.ts"

const here = dirname(fileURLToPath(import.meta.url))
const scratch = mkdtempSync(join(here, "scratch-"))
afterAll(() => rmSync(scratch, { recursive: true }))

/** Every error of a file, with its line. */
const check = (file: string): ReadonlyArray<{ readonly line: number; readonly text: string }> =>
  compiler.check([file]).map((found) => ({
    line: found.file === undefined ? 0 : found.file.getLineAndCharacterOfPosition(found.start ?? 0).line,
    text: `${found.file?.fileName ?? ""}: ${ts.flattenDiagnosticMessageText(found.messageText, "\n")}`
  }))

/** What the compiler says to each line under a marked `@ts-expect-error` of a file. */
const messagesOf = (file: string): ((marker: string) => string) => {
  const source = readFileSync(join(here, file), "utf8")
  const bare = join(scratch, file.replace(".types.ts", "Messages.ts"))
  writeFileSync(bare, source.replaceAll("@ts-expect-error", "expect:").replaceAll('"../../', '"../../../'))
  const errors = check(bare)
  const lines = source.split("\n")
  return (marker) => {
    const at = lines.findIndex((line) => line.endsWith(`@ts-expect-error ${marker}`)) + 1
    expect(at, marker).toBeGreaterThan(0)
    return errors
      .filter(({ line }) => line === at)
      .map(({ text }) => text)
      .join("\n")
  }
}

describe("wiring, as the compiler sees it", () => {
  it("accepts and refuses what it should", () => {
    expect(check(join(here, "Wiring.types.ts"))).toEqual([])
  }, 60_000)

  it("says which task and which key", () => {
    const said = messagesOf("Wiring.types.ts")
    expect(said("wrong-type")).toContain(
      "Input 'features' of task 'reads' has another type than output 'features' of task 'extract'"
    )
    expect(said("duplicate-output")).toContain("Output 'tags' of task 'tag' is produced by task 'tagsToo' too")
    expect(said("duplicate-output")).toContain("Output 'tags' of task 'tagsToo' is produced by task 'tag' too")
    expect(said("self-dependency")).toContain("Task 'self' takes its own output 's' as an input")
    expect(said("parameter-conflict")).toContain(
      "Parameter 'path' of task 'pathAsNumber' has another type in another task"
    )
    expect(said("optional-output")).toContain(
      "Input 'note' of task 'needs' is required, but task 'maybe' may leave its output 'note' out"
    )
  }, 60_000)

  it("accepts and refuses steps and chains as it should", () => {
    expect(check(join(here, "Steps.types.ts"))).toEqual([])
  }, 60_000)

  it("says which task and which key of steps and chains", () => {
    const said = messagesOf("Steps.types.ts")
    const before = "has another type than the value before it"
    for (const [marker, message] of [
      ["map-of-wrong-items", "Input 'urls' of task 'load' has another type than output 'urls' of task 'numbers'"],
      ["map-of-no-list", "Input 'urls' of task 'load' has another type than output 'urls' of task 'single'"],
      ["filter-by-number", "Output 'count' of task 'count' must be a boolean"],
      ["filter-by-two", "Task 'two' needs exactly one output, a boolean"],
      ["reduce-without-input", "Output 'count' of task 'count' is not one of its inputs"],
      ["reduce-of-another-type", "Output 'sum' of task 'crooked' has another type than its input 'sum'"],
      ["join-of-one-type", "Input 'shown' of task 'takesText' has another type than output 'shown' of task 'ask'"],
      [
        "arm-may-not-be-taken",
        "Input 'warning' of task 'takesWarning' is required, but task 'ask' may leave its output 'warning' out"
      ],
      ["branch-by-number", "Output 'm' of task 'negate' must be a boolean"],
      ["wiring-in-an-arm", "Input 'shown' of task 'takesNumber' has another type than output 'shown' of task 'asText'"],
      ["group-of-two-outputs", "Task 'two' needs exactly one output"],
      ["nested-of-another-type", "Input 'n' of task 'inner' has another type than output 'n' of task 'strings'"],
      ["chain-call-of-another-type", `Input 'site' of task 'list' ${before}`],
      ["chain-two-free-inputs", "Task 'load' needs exactly one input that is not fixed"],
      ["chain-map-of-another-item", `Input 'n' of task 'negate' ${before}`],
      ["chain-filter-by-number", "Output 'count' of task 'count' must be a boolean"],
      ["chain-reduce-of-another-item", `Input 'page' of task 'total' ${before}`],
      ["chain-group-of-another-type", `Input 'n' of task 'negate' ${before}`]
    ] as const) {
      expect(said(marker), marker).toContain(message)
    }
  }, 60_000)

  it("checks a pipeline of 200 tasks in under 5 s", () => {
    const tasks = Array.from(
      { length: 200 },
      (_, at) =>
        `const t${at} = Task.make("t${at}", { input: { v${at}: S, p${at % 7}: N }, output: { v${at + 1}: S, w${at}: Schema.Struct({ a: N, b: S }) }, run: (i) => ({ v${at + 1}: i.v${at} + i.p${at % 7}, w${at}: { a: 1, b: "" } }) })`
    )
    const list = Array.from({ length: 200 }, (_, at) => `t${at}`).join(", ")
    const write = (name: string, last: string): string => {
      const file = join(scratch, name)
      writeFileSync(
        file,
        [
          `import * as Schema from "effect/Schema"`,
          `import { Pipeline, Task } from "../../../adapters/promise/index.ts"`,
          `const S = Schema.String`,
          `const N = Schema.Number`,
          ...tasks,
          last
        ].join("\n")
      )
      return file
    }
    const timed = (file: string): number => {
      const start = performance.now()
      expect(check(file)).toEqual([])
      return performance.now() - start
    }
    const used = `export const p = Pipeline.make("large", [${list}])\nexport const q: Pipeline.ParametersOf<typeof p> = { v0: "", p0: 0, p1: 0, p2: 0, p3: 0, p4: 0, p5: 0, p6: 0 }\nexport const r = (x: Pipeline.ResultOf<typeof p>): string => x.v200 + x.w7.b`
    const bare = timed(write("Bare.ts", `export const p = [${list}] as const\nexport type P = Pipeline.Any`))
    const wired = timed(write("Wired.ts", used))
    console.info(`200 tasks: ${Math.round(wired)} ms to check the program, ${Math.round(bare)} ms without the pipeline`)
    // Without the pipeline the compiler has read the same libraries and the same tasks: the difference is the wiring.
    expect(wired - bare).toBeLessThan(5_000)
    // A mistake in the last task is found among all the others.
    const [found] = check(
      write(
        "Broken.ts",
        `${used}\nPipeline.make("x", [${list}, Task.make("odd", { input: { v200: N }, run: () => ({}) })])`
      )
    )
    expect(found?.text).toContain("Input 'v200' of task 'odd' has another type than output 'v200' of task 't199'")
  }, 60_000)
})
