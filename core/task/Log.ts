/** Lines that a task writes while it runs, kept with its run. */

import type { Json } from "../json/Value.ts"
import * as Text from "../values/Text.ts"

/** How much a line matters. */
export type Level = "debug" | "info" | "warn" | "error"

/** All of them. */
export const LEVELS: ReadonlyArray<Level> = ["debug", "info", "warn", "error"]

/** One line. */
export interface Line {
  /** Milliseconds since 1970 in UTC, by the Store's clock. */
  readonly atMillis: number
  readonly level: Level
  readonly step: string
  /** Which item of a map, filter or reduce wrote it. */
  readonly item?: number
  readonly attempt: number
  readonly message: string
  /** JSON text of what was said besides. */
  readonly fields?: Json
}

/** The newest lines of a run, oldest first. */
export interface Lines {
  readonly lines: ReadonlyArray<Line>
  /** How many older ones were dropped. */
  readonly dropped: number
}

/** How many lines of a run are kept. */
export const MAX_LINES = 1_000

/** The longest message, and the longest fields, in UTF-16 units. */
export const MAX_LENGTH = 2_000

/** A message as it is kept: cut where it is too long, whatever it was. */
export const toMessage = (message: unknown): string => {
  try {
    return Text.clip(String(message), MAX_LENGTH)
  } catch {
    return "a message that is no text"
  }
}

/** Fields as JSON text. What is no JSON, or too long, is told so instead. */
export const toFields = (fields: Readonly<Record<string, unknown>>): Json => {
  try {
    const text: string | undefined = JSON.stringify(fields)
    if (text === undefined) return NO_JSON
    if (text.length <= MAX_LENGTH) return text
    return JSON.stringify({ note: `fields of more than ${MAX_LENGTH} characters of JSON are not kept` })
  } catch {
    return NO_JSON
  }
}

const NO_JSON: Json = JSON.stringify({ note: "fields that are no JSON are not kept" })
