/** How often a terminal is drawn. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as Screen from "../../adapters/progress/Screen.ts"
import { TerminalEmulator } from "./TerminalEmulator.ts"

describe("a screen", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** Shows a count, which `change` raises. */
  const counting = (terminal: TerminalEmulator & { writableNeedDrain?: boolean }) => {
    let count = 0
    const screen = Screen.open(terminal, () => [[{ text: `count ${count}` }]])
    return {
      ...screen,
      change: () => {
        count++
        screen.changed()
      },
      drawings: () => terminal.written.filter((text) => text.includes("count")).length
    }
  }

  it("is drawn ten times a second, however often it changes", () => {
    const terminal = new TerminalEmulator()
    const { change, close, drawings } = counting(terminal)
    for (let at = 0; at < 1_000; at++) {
      change()
      vi.advanceTimersByTime(1)
    }
    expect(drawings()).toBe(11)
    expect(terminal.text).toBe("count 1000\n")
    close("the end\n")
    expect(terminal.text).toBe("the end\n")
    expect(vi.getTimerCount()).toBe(0)
  })

  it("is drawn once a second when nothing changes", () => {
    const { close, drawings } = counting(new TerminalEmulator())
    vi.advanceTimersByTime(10_000)
    expect(drawings()).toBe(11)
    close("")
  })

  it("is not drawn while the terminal has not taken what came before", () => {
    const terminal: TerminalEmulator & { writableNeedDrain?: boolean } = new TerminalEmulator()
    const { change, close, drawings } = counting(terminal)
    terminal.writableNeedDrain = true
    change()
    vi.advanceTimersByTime(1_000)
    expect(drawings()).toBe(1)
    terminal.writableNeedDrain = false
    vi.advanceTimersByTime(100)
    expect([drawings(), terminal.text]).toEqual([2, "count 1\n"])
    close("")
  })

  it("listens to signals only while something is shown", () => {
    const listeners = (): number => process.listenerCount("SIGINT") + process.listenerCount("exit")
    const before = listeners()
    const first = counting(new TerminalEmulator())
    const second = counting(new TerminalEmulator())
    expect(listeners()).toBe(before + 2)
    first.close("")
    second.close("")
    expect(listeners()).toBe(before)
  })
})
