/** What pictures write about a step besides its name. */
import type { Node, State } from "./Picture.ts"

/** A sign and a word for each status: a colour alone tells nothing to those who don't see it. */
export const SIGNS: Readonly<Record<State["status"], string>> = {
  PENDING: "○",
  RUNNING: "▶",
  COMPLETED: "✓",
  FAILED: "✗",
  SKIPPED: "↷",
  CANCELLED: "■"
}

/** `340 ms`, `1.2 s`, `3 min 4 s`, `2 h 5 min`. */
export const duration = (millis: number): string => {
  if (millis < 1_000) return `${Math.round(millis)} ms`
  if (millis < 59_950) return `${Math.round(millis / 100) / 10} s`
  const seconds = Math.round(millis / 1_000)
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** What kind of step it is; nothing for a task, which most are. */
export const kindOf = ({ kind, steps }: Pick<Node, "kind" | "steps">): string => {
  if (kind === "task") return ""
  return kind === "pipeline" || kind === "group" ? `${kind} of ${steps} ${steps === 1 ? "step" : "steps"}` : kind
}

/** Where a step is: `✓ completed`, `▶ running 7 of 20`, `✗ failed 3 items`. */
export const statusOf = ({ status, progress, itemsFailed, attempts, durationMillis }: State): string =>
  [
    `${SIGNS[status]} ${status.toLowerCase()}`,
    ...(progress === undefined ? [] : [`${progress.done} of ${progress.total}`]),
    ...(itemsFailed === 0 ? [] : [`${itemsFailed} failed`]),
    ...(attempts > 1 ? [`attempt ${attempts}`] : []),
    ...(durationMillis === undefined ? [] : [duration(durationMillis)])
  ].join(" · ")

// Signs that no document may hold, and those that turn the direction of what is written after them.
const UNSHOWN = /[\p{Cc}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{fffe}\u{ffff}]|\p{Cs}/gu

/** A text that a picture can show as it stands. */
export const shown = (text: string): string => text.replace(UNSHOWN, "\u{fffd}")
