/** Estimates the width of texts, because the fonts of the program that shows a picture are unknown. */

/** Narrow and wide letters of sans-serif fonts; all others count as equally wide. */
const NARROW = /[ijlftrI.,:;'|!()[\]{}·\s-]/
const WIDE = /[mwMWQO@%&\u{1100}-\u{11ff}\u{2e80}-\u{ffff}\u{10000}-\u{10ffff}]/u

const share = (character: string): number => (WIDE.test(character) ? 1 : NARROW.test(character) ? 0.35 : 0.61)

/** The estimated width of a text in a font of this size, both in pixels. */
export const textWidth = (text: string, pixels: number): number => {
  let width = 0
  for (const character of text) width += share(character) * pixels
  return width
}

/** The text, or its longest beginning with an ellipsis that fits into `room` pixels. */
export const fitted = (text: string, pixels: number, room: number): string => {
  if (textWidth(text, pixels) <= room) return text
  let kept = ""
  let width = pixels
  for (const character of text) {
    width += share(character) * pixels
    if (width > room) break
    kept += character
  }
  return `${kept.trimEnd()}…`
}
