/** The progress of a run in a real terminal, on each runtime: its size, Ctrl+C, and the end of the program. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { stripVTControlCharacters } from "node:util"
import { describe, expect, it } from "vitest"
import { isThere } from "../redis/server.ts"

const root = join(import.meta.dirname, "../..")
const RUNTIMES = { node: [], bun: [], deno: ["run", "-A"] } as const

const hasPython = isThere("python3")
if (!hasPython && process.env["CI"] !== undefined) throw new Error("There is no python3 for a terminal")
if (!hasPython) console.warn("There is no python3 here, so no real terminal is tried: apt-get install python3")

const HIDE_CURSOR = "\u{1b}[?25l"
const SHOW_CURSOR = "\u{1b}[?25h"

/** Starts the program in a terminal of 40 columns and 8 rows. */
const start = (runtime: keyof typeof RUNTIMES, ...args: ReadonlyArray<string>) => {
  const program = [
    join(root, "node_modules/.bin", runtime),
    ...RUNTIMES[runtime],
    join(import.meta.dirname, "program.ts")
  ]
  const child = spawn("python3", [join(import.meta.dirname, "terminal.py"), "40", "8", ...program, ...args], {
    cwd: root,
    env: { ...process.env, CI: "", NO_COLOR: "", TERM: "xterm", DENO_NO_UPDATE_CHECK: "1" },
    stdio: ["pipe", "pipe", "inherit"]
  })
  const ended = once(child, "close").then(([code]) => code as number)
  let written = ""
  let look = (): void => undefined
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written += text
    look()
  })
  return {
    written: () => written,
    ended,
    type: (text: string) => child.stdin.write(`type ${JSON.stringify(text)}\n`),
    resize: (columns: number, rows: number) => child.stdin.write(`size ${columns} ${rows}\n`),
    /** Waits until something was written, after what was there at the call. */
    until: (what: string) =>
      new Promise<void>((resolve, reject) => {
        const from = written.length
        look = () => {
          if (written.includes(what, from)) resolve()
        }
        void ended.then(() => reject(new Error(`It ended without '${what}': ${written}`)))
      })
  }
}

/** The rows of each drawing. */
const drawings = (written: string): ReadonlyArray<ReadonlyArray<string>> =>
  written
    .split("\u{1b}[?7l")
    .slice(1)
    .map((text) =>
      stripVTControlCharacters(text.split("\u{1b}[?7h", 1)[0]!)
        .split(/[\r\n]+/)
        .filter((row) => row !== "")
    )

describe.skipIf(!hasPython).each(["node", "bun", "deno"] as const)("on %s, a terminal", (runtime) => {
  it("shows the steps at its size, and the summary at the end", { timeout: 60_000 }, async () => {
    const program = start(runtime)
    await program.until("1 of 4")
    program.resize(16, 5)
    await program.until("…")
    program.resize(70, 5)
    await program.until("██░░░░░░")
    program.type("go\n")
    expect(await program.ended).toBe(0)
    const written = program.written()
    const name = "日本語 \u{fffd}2J 👩‍👩‍👧‍👦"
    const rows = drawings(written)
    expect(rows.find(([step]) => step?.includes("1 of 4") && !step.includes("░"))).toEqual([
      expect.stringMatching(/^▶ .* running .*1 of 4/),
      expect.stringMatching(/^▶ held running · 0 of 1 steps/)
    ])
    expect(rows.find(([step]) => step?.endsWith("…"))).toHaveLength(2)
    const end = stripVTControlCharacters(written.slice(written.lastIndexOf("\u{1b}[J")))
    expect(end).toContain(`✓ ${name} completed`)
    expect(end).toMatch(/✓ held completed · 1 of 1 steps · .*\r\nthe run is COMPLETED\r\n$/)
    expect(written).not.toContain("\u{202e}")
    expect([
      written.split(HIDE_CURSOR).length,
      written.lastIndexOf(SHOW_CURSOR) > written.lastIndexOf(HIDE_CURSOR)
    ]).toEqual([2, true])
  })

  it("has its cursor again after Ctrl+C, which ends the program as ever", { timeout: 60_000 }, async () => {
    const program = start(runtime)
    await program.until("1 of 4")
    program.type("\u{3}")
    expect(await program.ended).toBe(130)
    expect(program.written().endsWith(SHOW_CURSOR)).toBe(true)
  })

  it("leaves Ctrl+C to a program that listens to it", { timeout: 60_000 }, async () => {
    const program = start(runtime, "listens")
    await program.until("1 of 4")
    program.type("\u{3}")
    expect(await program.ended).toBe(0)
    expect(stripVTControlCharacters(program.written())).toMatch(/■ .* cancelled.*\r\n■ held cancelled · /)
    expect(program.written()).toContain(SHOW_CURSOR)
  })

  it("has its cursor again when the program exits in the middle", { timeout: 60_000 }, async () => {
    const program = start(runtime, "exits")
    await program.until("1 of 4")
    program.type("go\n")
    expect(await program.ended).toBe(3)
    expect(program.written().endsWith(SHOW_CURSOR)).toBe(true)
  })
})
