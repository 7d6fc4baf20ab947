/** Lines of a terminal: texts that can hold no control sequence, and the columns that they take. */

import { shown } from "../../core/render/Words.ts"
import { clip } from "../../core/values/Text.ts"

/** A colour; there is always a word that says the same. */
export type Colour = "green" | "red" | "cyan" | "yellow" | "dim"

/** A part of a line. */
export interface Span {
  readonly text: string
  readonly colour?: Colour
}

/** A line, without its line feed. */
export type Line = ReadonlyArray<Span>

// Marks that take no column. The sign for "as an emoji" makes the one before it wide on some terminals.
const NARROW = /[\p{Mn}\p{Me}\p{Cf}]/u
const EMOJI_SIGN = "\u{fe0f}"
const WIDE =
  /[\p{Emoji_Presentation}\u{1100}-\u{115f}\u{2329}\u{232a}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{a960}-\u{a97c}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe10}-\u{fe19}\u{fe30}-\u{fe6f}\u{ff01}-\u{ff60}\u{ffe0}-\u{ffe6}\u{16fe0}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]/u

/**
 * How many columns a text takes. Terminals differ in joined emoji; this counts each, so it says rather too many than too
 * few.
 */
export const cells = (text: string): number => {
  let count = 0
  for (const character of text) count += cellsOf(character)
  return count
}

const cellsOf = (character: string): number => {
  // Most are of ASCII, and need no table.
  if (character < "\u{7f}") return 1
  if (character === EMOJI_SIGN) return 1
  return NARROW.test(character) ? 0 : WIDE.test(character) ? 2 : 1
}

/** The columns of a line. */
export const width = (line: Line): number => line.reduce((sum, { text }) => sum + cells(text), 0)

/** The longest text that is shown, in UTF-16 units. */
const MAX_TEXT = 500

/**
 * A text of a caller as it may be shown: on one line, without control sequences, without signs that turn the direction
 * of others or can't be seen, at most 500 UTF-16 units.
 */
export const plain = (text: string): string =>
  shown(clip(text, MAX_TEXT).replace(/\s+/g, " "))
    .replace(INVISIBLE, "")
    .replace(/(\p{M}{3})\p{M}+/gu, "$1")
    .trim()

/** Joiners stay: words of some languages need them, and joined emoji. */
const INVISIBLE = /(?![\u{200c}\u{200d}])\p{Cf}/gu

/** The beginning of a line that fits into so many columns, with an ellipsis when it is not all of it. */
export const fit = (line: Line, columns: number): Line => {
  if (width(line) <= columns) return line
  const kept: Array<Span> = []
  let room = columns - 1
  for (const span of line) {
    const text = start(span.text, room)
    kept.push({ ...span, text })
    if (text !== span.text) break
    room -= cells(text)
  }
  const last = kept.pop()
  if (last === undefined || columns < 1) return []
  return [...kept, { ...last, text: `${last.text}…` }]
}

/** The beginning of a text that fits into so many columns. */
const start = (text: string, columns: number): string => {
  let room = columns
  let end = 0
  for (const character of text) {
    room -= cellsOf(character)
    if (room < 0) break
    end += character.length
  }
  return text.slice(0, end)
}

/** A text of exactly so many columns: cut, or filled with spaces. */
export const column = (text: string, columns: number): string => {
  const cut = cells(text) <= columns ? text : `${start(text, columns - 1)}…`
  return cut + " ".repeat(Math.max(0, columns - cells(cut)))
}

const CODES: Readonly<Record<Colour, number>> = { green: 32, red: 31, cyan: 36, yellow: 33, dim: 2 }

/** The line with its colours, for a terminal. */
export const painted = (line: Line): string =>
  line.map(({ text, colour }) => (colour === undefined ? text : `\u{1b}[${CODES[colour]}m${text}\u{1b}[0m`)).join("")

/** The line without colours. */
export const unpainted = (line: Line): string => line.map(({ text }) => text).join("")
