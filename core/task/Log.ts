/** Log lines that a task writes while it runs; the Store keeps them with the run. */

import type { Json } from "../json/Value.ts"
import * as Text from "../values/Text.ts"

/** The severity of a line. */
export type Level = "debug" | "info" | "warn" | "error"

/** Every level, from the least severe to the most. */
export const LEVELS: ReadonlyArray<Level> = ["debug", "info", "warn", "error"]

/** One log line of a run. */
export interface Line {
  /** Milliseconds since 1970 in UTC, by the Store's clock. */
  readonly atMillis: number
  readonly level: Level
  readonly step: string
  /** The item of a map, filter or reduce that wrote it, from 0. */
  readonly item?: number
  /** The attempt that wrote it, from 1. */
  readonly attempt: number
  readonly message: string
  /** The fields as JSON text. */
  readonly fields?: Json
}

/** The newest lines of a run, oldest first. */
export interface Lines {
  readonly lines: ReadonlyArray<Line>
  /** How many older lines were dropped. */
  readonly dropped: number
}

/** The most lines that a Store keeps of a run. */
export const MAX_LINES = 1_000

/** The longest message, and the longest fields, in UTF-16 units. */
export const MAX_LENGTH = 2_000

/** Any value as a message: a string of at most 2,000 UTF-16 units, cut when it is longer. */
export const toMessage = (message: unknown): string => {
  try {
    return Text.clip(String(message), MAX_LENGTH)
  } catch {
    return "a message that is no text"
  }
}

/** Fields as JSON text. A note replaces fields that are no JSON or longer than 2,000 UTF-16 units. */
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
