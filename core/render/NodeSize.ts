/** The sizes of nodes. They depend only on the pipeline, so each has room for the state that a run may add. */
import type { Size } from "./FlatGraph.ts"
import type { Node } from "./Picture.ts"
import { textWidth } from "./TextWidth.ts"

/** Font sizes of names and of the lines below them, in pixels. */
export const LABEL_PIXELS = 13
export const DETAIL_PIXELS = 11

/** The widest node, or title of a box. A longer text is cut. */
export const MAX_WIDTH = 280

/** A name and one line below it; the kind has a line of its own. */
const HEIGHT = 46
const HEIGHT_WITH_KIND = 60

/** Room for `✗ failed · attempt 3 · 1.2 s`, and for `✓ completed 20 of 20 · 2 failed · 4.1 s`. */
const MIN_WIDTH = 176
const MIN_WIDTH_WITH_ITEMS = 232

/** The space on the left and on the right of a text together. */
const PADDING = 28

/** The size of a node. */
export const sizeOf = ({ label, kind }: Node): Size => {
  const least = kind === "task" || kind === "branch" ? MIN_WIDTH : MIN_WIDTH_WITH_ITEMS
  // The corners of a branch take room from its texts.
  const padding = kind === "branch" ? PADDING + 16 : PADDING
  return {
    width: Math.ceil(Math.min(MAX_WIDTH, Math.max(least, textWidth(label, LABEL_PIXELS) + padding))),
    height: kind === "task" ? HEIGHT : HEIGHT_WITH_KIND
  }
}
