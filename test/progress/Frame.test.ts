/** What a terminal shows of a run, without a terminal. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Cells from "../../adapters/progress/Cells.ts"
import * as Frame from "../../adapters/progress/Frame.ts"
import { Progress } from "../../adapters/progress/index.ts"
import type { StepStatus } from "../../core/run/Run.ts"
import { anyRun, hostileText, runOf } from "./Runs.ts"

const WIDE = { columns: 100, rows: 30 }

const lines = (run: Parameters<typeof Progress.lines>[0], size = WIDE, now = 30_000): ReadonlyArray<string> =>
  Progress.lines(run, size, now)

describe("a run in a terminal", () => {
  it("has a line for each step, and one for itself", () => {
    const run = runOf([
      { name: "extract", status: "COMPLETED", attempts: 1, startedAtMillis: 10_000, completedAtMillis: 10_340 },
      {
        name: "shrink",
        status: "RUNNING",
        attempts: 1,
        startedAtMillis: 21_900,
        progress: { done: 1_250, total: 5_000 },
        itemsFailed: 3
      },
      {
        name: "upload",
        status: "RUNNING",
        attempts: 3,
        startedAtMillis: 29_000,
        error: { name: "Error", message: "busy" }
      },
      { name: "announce", status: "PENDING" },
      { name: "archive", status: "SKIPPED", reason: "step 'x' failed" }
    ])
    expect(lines(run)).toEqual([
      "✓ extract  completed · 340 ms",
      "▶ shrink   running ███░░░░░░░░░ · 1,250 of 5,000 · 3 failed · 8.1 s",
      "▶ upload   running · attempt 3 · 1 s · last error: busy",
      "○ announce pending",
      "↷ archive  skipped · step 'x' failed",
      "▶ nightly running · 1 of 5 steps · 20 s"
    ])
  })

  it("says when the next attempt begins", () => {
    const error = {
      name: "TaskFailed",
      message: "Task 'a' failed: busy",
      step: "a",
      cause: { name: "Error", message: "busy" }
    }
    const run = runOf([{ name: "a", status: "PENDING", attempts: 2, retryAtMillis: 34_500, error }])
    expect(lines(run)[0]).toBe("○ a pending · attempt 2 · attempt 3 in 4.5 s · last error: busy")
  })

  it("ends with the failed step, its item and its message", () => {
    const error = { name: "TaskFailed", message: "Task 'shrink' failed at item 7: not a JPEG", step: "shrink", item: 7 }
    const run = runOf(
      [{ name: "shrink", status: "FAILED", attempts: 1, startedAtMillis: 10_000, completedAtMillis: 12_000, error }],
      {
        status: "FAILED",
        completedAtMillis: 12_000,
        error
      }
    )
    expect(lines(run)).toEqual([
      "✗ shrink failed · 2 s · Task 'shrink' failed at item 7: not a JPEG",
      "✗ nightly failed · 0 of 1 steps · 2 s · Task 'shrink' failed at item 7: not a JPEG"
    ])
    expect(Progress.summary(run)).toBe(lines(run)[1])
  })

  it("names the failed step where the message does not, and says why a run was cancelled", () => {
    const failed = runOf([{ name: "a" }], { status: "FAILED", error: { name: "Error", message: "boom", step: "a" } })
    expect(Progress.summary({ ...failed, completedAtMillis: 10_500 })).toBe(
      "✗ nightly failed · 0 of 1 steps · 500 ms · step 'a': boom"
    )
    const cancelled = runOf([{ name: "a" }], { status: "CANCELLED", completedAtMillis: 11_000, reason: "too late" })
    expect(Progress.summary(cancelled)).toBe("■ nightly cancelled · 0 of 1 steps · 1 s · too late")
  })

  it("shows the failed and the running ones of 5,000 steps, and counts the others", () => {
    const status = (at: number): StepStatus =>
      at % 1_000 === 999 ? "FAILED" : at < 4_000 ? "COMPLETED" : at < 4_004 ? "RUNNING" : "PENDING"
    const run = runOf(Array.from({ length: 5_000 }, (_, at) => ({ name: `step_${at}`, status: status(at) })))
    const shown = lines(run, { columns: 100, rows: 23 })
    expect(shown).toHaveLength(23)
    expect(shown.slice(0, 9).map((line) => line.split(" ")[0])).toEqual([..."✗✗✗✗✗▶▶▶▶"])
    expect(shown.at(-2)).toBe("… and 4,979 more steps: 983 pending, 3,996 completed")
    expect(shown.at(-1)).toBe("▶ nightly running · 3,996 of 5,000 steps · 20 s")
  })

  it("leaves half of the room to running steps, however many have failed", () => {
    const run = runOf(
      Array.from({ length: 200 }, (_, at) => ({ name: `step_${at}`, status: at < 100 ? "FAILED" : "RUNNING" }) as const)
    )
    const signs = lines(run, { columns: 80, rows: 12 }).map((line) => line[0])
    expect(signs.join("")).toBe("✗✗✗✗✗▶▶▶▶▶…▶")
  })

  it("fits into every terminal, whatever the names and messages are", () => {
    fc.assert(
      fc.property(anyRun, fc.integer({ min: 1, max: 150 }), fc.integer({ min: 1, max: 50 }), (run, columns, rows) => {
        const frame = Frame.make(run, { columns, rows }, 50_000)
        expect(frame.length).toBeLessThanOrEqual(rows)
        expect(frame.length).toBeGreaterThan(0)
        for (const line of frame) {
          expect(Cells.width(line)).toBeLessThanOrEqual(columns)
          expect(Cells.unpainted(line)).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069\u200e\u200f]/u)
          // Its own colours are the only sequences.
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
          expect(Cells.painted(line).replace(/\u{1b}\[(?:3[1236]|2|0)m/gu, "")).toBe(Cells.unpainted(line))
        }
      })
    )
  })

  it("cuts texts that have no end, and accents that are stacked", () => {
    expect(Cells.plain("x".repeat(100_000))).toBe(`${"x".repeat(500)}…`)
    expect(Cells.plain(`e${"\u{301}".repeat(100)}!`)).toBe("e\u{301}\u{301}\u{301}!")
  })
})

describe("the width of a text", () => {
  it.each([
    ["plain", 5],
    ["日本語", 6],
    ["é", 1],
    ["e\u{301}", 1],
    ["🎧", 2],
    ["한국", 4],
    ["ｆｕｌｌ", 8],
    ["✓✗▶○■↷█░…·", 10]
  ])("%s takes %i columns", (text, columns) => {
    expect(Cells.cells(text)).toBe(columns)
  })

  it("of a column is always the same", () => {
    fc.assert(
      fc.property(hostileText, fc.integer({ min: 1, max: 60 }), (text, columns) => {
        expect(Cells.cells(Cells.column(Cells.plain(text), columns))).toBe(columns)
      })
    )
  })
})
