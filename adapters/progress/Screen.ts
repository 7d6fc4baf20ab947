/** The lower end of a terminal, drawn again and again in the same place. */
import * as Cells from "./Cells.ts"
import type { Size } from "./Frame.ts"

/** Where lines are written, such as `process.stderr`. */
export interface Output {
  readonly write: (text: string) => unknown
  /** Whether it is a terminal. Default: false. */
  readonly isTTY?: boolean | undefined
  /** Its columns, read before each drawing. Default: 80. */
  readonly columns?: number | undefined
  /** Its rows, read before each drawing. Default: 24. */
  readonly rows?: number | undefined
  /** Whether earlier writes wait to be sent; drawings are left out then. Default: false. */
  readonly writableNeedDrain?: boolean | undefined
}

/** Gives the lines of one run: at most as many as there are rows. */
export type Drawing = (size: Size) => ReadonlyArray<Cells.Line>

/** The least time between two drawings, and the most while something runs: a duration goes on. */
const LEAST_MILLIS = 100
const MOST_TICKS = 10

const ESCAPE = "\u{1b}["
const HIDE_CURSOR = `${ESCAPE}?25l`
const SHOW_CURSOR = `${ESCAPE}?25h`
// While it draws, the terminal cuts lines instead of wrapping them: it may count columns in another way.
const KEEP_LINES = `${ESCAPE}?7l`
const WRAP_LINES = `${ESCAPE}?7h`
const ERASE_LINE = `${ESCAPE}K`
const ERASE_BELOW = `${ESCAPE}J`

/** The screens with drawings, by their output. */
const screens = new Map<Output, Screen>()

/** Shows a drawing until `close`, below those that the output shows already. `changed` has it drawn again, soon. */
export const open = (
  output: Output,
  drawing: Drawing
): { readonly changed: () => void; readonly close: (last: string) => void } => {
  let screen = screens.get(output)
  if (screen === undefined) {
    screen = new Screen(output)
    if (screens.size === 0) watchSignals()
    screens.set(output, screen)
  }
  const shared = screen
  shared.add(drawing)
  return {
    changed: () => shared.changed(),
    close: (last) => {
      if (!shared.remove(drawing, last)) return
      screens.delete(output)
      if (screens.size === 0) unwatchSignals()
    }
  }
}

class Screen {
  readonly #output: Output
  readonly #drawings = new Set<Drawing>()
  readonly #timer: ReturnType<typeof setInterval>
  /** The columns of each line that stands there. */
  #drawn: ReadonlyArray<number> = []
  #size: Size = { columns: 0, rows: 0 }
  #isStale = true
  #ticks = 0

  constructor(output: Output) {
    this.#output = output
    this.#output.write(HIDE_CURSOR)
    this.#timer = setInterval(() => this.#tick(), LEAST_MILLIS)
  }

  add(drawing: Drawing): void {
    this.#drawings.add(drawing)
    this.changed()
    if (this.#drawings.size === 1) this.#draw()
  }

  changed(): void {
    this.#isStale = true
  }

  /** Removes a drawing, and leaves a text in its place. Returns whether it was the only one. */
  remove(drawing: Drawing, last: string): boolean {
    this.#drawings.delete(drawing)
    this.#output.write(`${this.#toTop()}${ERASE_BELOW}${last}`)
    this.#drawn = []
    if (this.#drawings.size > 0) {
      this.#draw()
      return false
    }
    clearInterval(this.#timer)
    this.restore()
    return true
  }

  /** Makes the cursor visible again; it stands below the last line. */
  restore(): void {
    this.#output.write(WRAP_LINES + SHOW_CURSOR)
  }

  #tick(): void {
    this.#ticks++
    const { columns, rows } = sizeOf(this.#output)
    const isResized = columns !== this.#size.columns || rows !== this.#size.rows
    if (!this.#isStale && !isResized && this.#ticks < MOST_TICKS) return
    if (this.#output.writableNeedDrain !== true) this.#draw()
  }

  #draw(): void {
    const top = this.#toTop()
    const { columns, rows } = sizeOf(this.#output)
    // The last row stays free for the cursor, and so does the last column.
    const room = { columns: Math.max(1, columns - 1), rows: Math.max(1, Math.floor((rows - 1) / this.#drawings.size)) }
    const lines = [...this.#drawings].flatMap((drawing) => drawing(room)).slice(0, Math.max(1, rows - 1))
    const text = lines.map((line) => `${Cells.painted(line)}${ERASE_LINE}\n`).join("")
    this.#output.write(`${KEEP_LINES}${top}${text}${ERASE_BELOW}${WRAP_LINES}`)
    this.#drawn = lines.map(Cells.width)
    this.#size = { columns, rows }
    this.#isStale = false
    this.#ticks = 0
  }

  /** Moves the cursor to the first line that stands there. A terminal that became narrower has wrapped the long ones. */
  #toTop(): string {
    const { columns } = sizeOf(this.#output)
    const up = this.#drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0)
    return up === 0 ? "\r" : `${ESCAPE}${up}A\r`
  }
}

/** Some terminals say 0 when they don't know. */
export const sizeOf = ({ columns, rows }: Output): Size => ({ columns: columns || 80, rows: rows || 24 })

// -- the end of the program ------------------------------------------------------------------------------------------

const SIGNALS = ["SIGINT", "SIGTERM"] as const

const restoreAll = (): void => {
  for (const screen of screens.values()) screen.restore()
}

/** Ends the program as the signal would have, unless the program listens to it itself. */
const onSignal = (signal: NodeJS.Signals): void => {
  if (process.listenerCount(signal) > 1) return
  restoreAll()
  process.off(signal, onSignal)
  process.kill(process.pid, signal)
}

const watchSignals = (): void => {
  for (const signal of SIGNALS) process.on(signal, onSignal)
  process.on("exit", restoreAll)
}

const unwatchSignals = (): void => {
  for (const signal of SIGNALS) process.off(signal, onSignal)
  process.off("exit", restoreAll)
}
