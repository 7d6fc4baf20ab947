/** Runs of a Levada as a terminal and as a log show them. */
import * as Schema from "effect/Schema"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Progress } from "../../adapters/progress/index.ts"
import { Access, Levada, Pipeline, Step, Task } from "../../adapters/promise/index.ts"
import { TerminalEmulator } from "./TerminalEmulator.ts"

const HOSTILE = "\u{202e}2J\u{2067}0;x\u{2067} \u{202e}gnp"

const list = Task.make("list", {
  input: { count: Schema.Int },
  output: { photos: Schema.Array(Schema.Number) },
  run: ({ count }) => ({ photos: Array.from({ length: count }, (_, at) => at) })
})
const shrink = Task.make("shrink", {
  input: { photo: Schema.Number },
  output: { small: Schema.Number },
  run: ({ photo }) => {
    if (photo % 50 === 3) throw new Error(`\u{1b}[2J${photo} is no\nJPEG`)
    return { small: photo }
  }
})
const gallery = Pipeline.make("gallery", [
  list,
  Step.map(shrink, { over: { photo: "photos" }, outputs: { small: "smalls" }, onItemFailure: "skip" })
])

const failing = Pipeline.make(HOSTILE, [
  Task.make(HOSTILE, {
    output: { never: Schema.Number },
    retry: { times: 1, delayMillis: 1, jitter: 0 },
    run: () => {
      throw new Error("\u{1b}]0;title\u{7}\u{9b}2J\r\nrm -rf")
    }
  }),
  Task.make("after", { input: { never: Schema.Number }, output: { ever: Schema.Number }, run: () => ({ ever: 1 }) })
])

/** Its step goes on when `release` is called. */
let release = (): void => undefined
const held = Pipeline.make("held", [
  Task.make("hold", {
    output: { held: Schema.Boolean },
    run: async (_, { signal }) => {
      await new Promise<void>((resolve, reject) => {
        release = resolve
        signal.addEventListener("abort", () => reject(new Error("told to stop")))
      })
      return { held: true }
    }
  })
])

let levada: Levada.Levada
beforeEach(() => {
  for (const name of ["CI", "NO_COLOR"]) vi.stubEnv(name, "")
  vi.stubEnv("TERM", "xterm")
  levada = Levada.make({ pipelines: [gallery, failing, held], access: Access.open, worker: { graceMillis: 0 } })
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await levada.close()
})

/** What a log shows, without durations and ids. */
const logged = async (runId: string, output: Partial<Progress.Output> = {}): Promise<ReadonlyArray<string>> => {
  const written: Array<string> = []
  await Progress.show(levada, runId, { to: { ...output, write: (line: string) => written.push(line) } })
  return written
    .join("")
    .replace(/ · (?:[\d.]+ m?s)(?=$| ·)/gm, "")
    .replaceAll(runId, "RUN")
    .split("\n")
    .slice(0, -1)
}

describe("without a terminal", () => {
  it("each change has a line, and progress one for every 10 %", async () => {
    const lines = await logged(await levada.start(gallery, { count: 1_000 }))
    expect(lines.slice(0, 4)).toEqual([
      "▶ gallery running · run RUN",
      "▶ list running",
      "✓ list completed",
      "▶ shrink running"
    ])
    const rest = lines.slice(4, -2)
    expect(rest.filter((line) => line.includes("an item failed"))).toEqual([
      "▶ shrink running · an item failed · item 3: \u{fffd}[2J3 is no JPEG"
    ])
    const progress = rest.flatMap((line) => /^▶ shrink running · ([\d,]+) of 1,000/.exec(line)?.[1] ?? [])
    expect(progress.length).toBe(rest.length - 1)
    expect(progress.length).toBeLessThanOrEqual(10)
    expect(progress.at(-1)).toBe("1,000")
    expect(lines.slice(-2)).toEqual(["✓ shrink completed · 20 failed", "✓ gallery completed · 2 of 2 steps"])
  })

  it("hostile names and messages stay text, and the last line says why it failed", async () => {
    const lines = await logged(await levada.start(failing, {}))
    const name = "\u{fffd}2J\u{fffd}0;x\u{fffd} \u{fffd}gnp"
    const message = "\u{fffd}]0;title\u{fffd}\u{fffd}2J rm -rf"
    expect(lines).toEqual([
      `▶ ${name} running · run RUN`,
      `▶ ${name} running`,
      expect.stringMatching(/○ .* pending · attempt 2 in 1 ms · last error: /),
      `▶ ${name} running · attempt 2`,
      `✗ ${name} failed · attempt 2 · ${message}`,
      `✗ ${name} failed · 0 of 2 steps · Task '${name}' failed after 1 retry: ${message}`
    ])
  })

  it.each(["NO_COLOR", "CI", "TERM"])("a terminal is a log where %s says so", async (name) => {
    vi.stubEnv(name, name === "TERM" ? "dumb" : "1")
    const lines = await logged(await levada.start(gallery, { count: 1 }), { isTTY: true })
    expect(lines[0]).toBe("▶ gallery running · run RUN")
  })

  it("a finished run is told from its beginning, and the run is returned", async () => {
    const runId = await levada.start(gallery, { count: 2 })
    await levada.result(gallery, runId)
    const written: Array<string> = []
    const run = await Progress.show(levada, runId, { to: { write: (line) => written.push(line) } })
    expect(written).toHaveLength(8)
    expect([run.id, run.status, run.outputs["smalls"]]).toEqual([runId, "COMPLETED", "[0,1]"])
  })

  it("an unknown run is refused", async () => {
    await expect(Progress.show(levada, "none", { to: { write: () => undefined } })).rejects.toMatchObject({
      _tag: "RunNotFound"
    })
  })
})

describe("in a terminal", () => {
  it("the steps stay, with a summary, and the cursor comes back", async () => {
    const terminal = new TerminalEmulator()
    const run = await Progress.show(levada, await levada.start(gallery, { count: 100 }), { to: terminal })
    expect(run.status).toBe("COMPLETED")
    expect(terminal.text.replace(/ · [\d.]+ m?s$/gm, "")).toBe(
      "✓ list   completed\n✓ shrink completed · 100 of 100 · 2 failed\n✓ gallery completed · 2 of 2 steps\n"
    )
    expect([terminal.hasCursor, terminal.wraps]).toEqual([true, true])
  })

  it("the message of a failed run is there in full, below its steps", async () => {
    const terminal = new TerminalEmulator(30, 10)
    await Progress.show(levada, await levada.start(failing, {}), { to: terminal })
    expect(terminal.text.replace(/\s/g, "")).toMatch(
      /^✗.*…failed.*↷after.*✗.*failed·0of2steps·.*failedafter1retry:\u{fffd}\]0;title\u{fffd}\u{fffd}2Jrm-rf$/u
    )
  })

  it("is drawn over itself, at every size", async () => {
    const terminal = new TerminalEmulator(60, 10)
    terminal.write("before\n")
    const runId = await levada.start(held, {})
    const shown = Progress.show(levada, runId, { to: terminal })
    const drawn = (text: RegExp) => vi.waitFor(() => expect(terminal.text).toMatch(text), { timeout: 10_000 })
    await drawn(/^before\n▶ hold running( · .*)?\n▶ held running · 0 of 1 steps( · .*)?\n$/)
    terminal.resize(20, 6)
    await drawn(/^before\n▶ hold running( · .*)?\n▶ held running · 0…\n$/)
    terminal.resize(12, 2)
    await drawn(/▶ held run…\n$/)
    terminal.resize(60, 10)
    release()
    await shown
    await drawn(/✓ hold completed · .*\n✓ held completed · 1 of 1 steps · .*\n$/)
  })

  it("several runs are drawn below each other", async () => {
    const terminal = new TerminalEmulator()
    const first = await levada.start(held, {})
    const showing = Progress.show(levada, first, { to: terminal })
    await vi.waitFor(() => expect(terminal.text).toContain("▶ hold running"), { timeout: 10_000 })
    await Progress.show(levada, await levada.start(gallery, { count: 3 }), { to: terminal })
    expect(terminal.text.replace(/ · [\d.]+ m?s$/gm, "")).toMatch(
      /^✓ list.*\n✓ shrink.*\n✓ gallery completed · 2 of 2 steps\n▶ hold running\n▶ held running · 0 of 1 steps\n$/
    )
    release()
    await showing
    expect(terminal.text).toMatch(/^✓ list.*\n✓ shrink.*\n✓ gallery .*\n✓ hold .*\n✓ held .*\n$/)
    expect(terminal.hasCursor).toBe(true)
  })

  it("the last state stays when the run can't be followed any further", async () => {
    const terminal = new TerminalEmulator()
    const runId = await levada.start(held, {})
    async function* broken() {
      yield* []
      throw new Error("the Store is gone")
    }
    const source = { run: levada.run, watch: broken }
    await expect(Progress.show(source, runId, { to: terminal })).rejects.toThrow("the Store is gone")
    expect(terminal.text).toMatch(/^[▶○] hold .*\n[▶○] held .*\n$/)
    expect(terminal.hasCursor).toBe(true)
  })
})
