/** A terminal as far as `Progress` needs one: what it writes becomes rows of text. Any other control sequence throws. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const SEQUENCE = /^\u{1b}\[(\?25[hl]|\?7[hl]|K|J|\d*A|\d+m)/u

export class TerminalEmulator {
  readonly isTTY = true
  columns: number
  rows: number
  /** Every text that was written. */
  readonly written: Array<string> = []
  readonly #lines: Array<string> = [""]
  #row = 0
  #column = 0
  hasCursor = true
  wraps = true

  constructor(columns = 80, rows = 24) {
    this.columns = columns
    this.rows = rows
  }

  /** All rows, also those that were scrolled out. */
  get text(): string {
    return this.#lines.map((line) => line.trimEnd()).join("\n")
  }

  /** As most terminals do, wraps the rows that are too long now. */
  resize(columns: number, rows: number): void {
    const cursor = this.#row
    const wrapped: Array<string> = []
    for (const [at, line] of this.#lines.entries()) {
      if (at === cursor) this.#row = wrapped.length
      for (let from = 0; from < Math.max(1, line.length); from += columns)
        wrapped.push(line.slice(from, from + columns))
    }
    this.#lines.splice(0, this.#lines.length, ...wrapped)
    this.columns = columns
    this.rows = rows
  }

  write(text: string): void {
    this.written.push(text)
    let rest = text
    while (rest !== "") {
      const character = rest[0]!
      if (character === "\u{1b}") {
        const [all, code] = SEQUENCE.exec(rest) ?? []
        if (code === undefined) throw new Error(`Not a sequence of Progress: ${JSON.stringify(rest.slice(0, 20))}`)
        this.#control(code)
        rest = rest.slice(all!.length)
        continue
      }
      rest = rest.slice(1)
      if (character === "\n") {
        this.#row++
        this.#column = 0
        if (this.#row === this.#lines.length) this.#lines.push("")
      } else if (character === "\r") this.#column = 0
      else if (/\p{Cc}/u.test(character)) throw new Error(`A control character: ${JSON.stringify(character)}`)
      else this.#put(character)
    }
  }

  #put(character: string): void {
    if (this.#column >= this.columns) {
      if (this.wraps) {
        this.write("\n")
        this.written.pop()
      } else this.#column = this.columns - 1
    }
    const line = this.#lines[this.#row]!.padEnd(this.#column)
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1)
    this.#column++
  }

  #control(code: string): void {
    if (code === "K") this.#lines[this.#row] = this.#lines[this.#row]!.slice(0, this.#column)
    else if (code === "J") {
      this.#control("K")
      this.#lines.splice(this.#row + 1)
    } else if (code.endsWith("A")) {
      const top = Math.max(0, this.#lines.length - this.rows)
      this.#row = Math.max(top, this.#row - Number(code.slice(0, -1)))
    } else if (code.startsWith("?25")) this.hasCursor = code.endsWith("h")
    else if (code.startsWith("?7")) this.wraps = code.endsWith("h")
  }
}
