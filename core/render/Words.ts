/** The texts that renderings write about a step besides its name. */
import type { Node, State } from "./Picture.ts"

/** The sign of each status, so that no colour alone tells a status. */
const SIGNS: Readonly<Record<State["status"], string>> = {
  PENDING: "○",
  RUNNING: "▶",
  COMPLETED: "✓",
  FAILED: "✗",
  SKIPPED: "↷",
  CANCELLED: "■"
}

/** Every status of a step. */
export const STATUSES_OF_STEPS: ReadonlyArray<State["status"]> = Object.keys(SIGNS) as ReadonlyArray<State["status"]>

/** The sign of a status. */
export const signOf = (status: State["status"]): string => SIGNS[status]

/** A duration as people write it: `340 ms`, `1.2 s`, `3 min 4 s`, `2 h 5 min`. */
export const duration = (millis: number): string => {
  if (millis < 999.5) return `${Math.round(millis)} ms`
  if (millis < 59_950) return `${Math.round(millis / 100) / 10} s`
  const seconds = Math.round(millis / 1_000)
  if (seconds < 3_570) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** The kind of a node: `map`, `group of 3 steps`; empty for a plain task, the most frequent kind. */
export const kindOf = ({ kind, steps }: Pick<Node, "kind" | "steps">): string => {
  if (kind === "task") return ""
  return kind === "pipeline" || kind === "group" ? `${kind} of ${countOf(steps)}` : kind
}

/** `1 step`, `3 steps`. */
export const countOf = (steps: number): string => `${steps} ${steps === 1 ? "step" : "steps"}`

/** The state of a node: `✓ completed · 1.2 s`, `▶ running 7 of 20`, `✗ failed · 3 items failed`. */
export const statusOf = ({ status, progress, itemsFailed, attempts, durationMillis }: State): string =>
  [
    `${SIGNS[status]} ${status.toLowerCase()}${progress === undefined ? "" : ` ${progress.done} of ${progress.total}`}`,
    ...(itemsFailed === 0 ? [] : [`${itemsFailed} failed`]),
    ...(attempts > 1 ? [`attempt ${attempts}`] : []),
    ...(durationMillis === undefined ? [] : [duration(durationMillis)])
  ].join(" · ")

/** What stands below the name of a node: its kind unless it is a plain task, and its state if there is a run. */
export const detailsOf = (node: Node): ReadonlyArray<string> =>
  [kindOf(node), node.state === undefined ? "" : statusOf(node.state)].filter((text) => text !== "")

// Control characters, unpaired surrogates and two non-characters, which XML forbids; and the signs that turn the direction of
// all text after them.
const UNSHOWN = /[\p{Cc}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{fffe}\u{ffff}]|\p{Cs}/gu

/** The text with a replacement character for each character that a document can't contain or that would hide others. */
export const shown = (text: string): string => text.replace(UNSHOWN, "\u{fffd}")
