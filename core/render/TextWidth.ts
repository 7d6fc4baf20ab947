/** How wide a text is about, in pixels: what draws it has other fonts than what measures it. */

/** Narrow letters of sans-serif fonts, and wide ones; of the rest, most are about as wide as each other. */
const NARROW = /[ijlftrI.,:;'|!()[\]{}\s-]/
const WIDE = /[mwMWQO@%&\u{1100}-\u{11ff}\u{2e80}-\u{ffff}\u{10000}-\u{10ffff}]/u

export const textWidth = (text: string, pixels: number): number => {
  let width = 0
  for (const character of text) {
    const share = WIDE.test(character) ? 1 : NARROW.test(character) ? 0.36 : 0.62
    width += share * pixels
  }
  return width
}

/** The beginning of a text that fits into a width, with an ellipsis when it is not all of it. */
export const fitted = (text: string, pixels: number, room: number): string => {
  if (textWidth(text, pixels) <= room) return text
  let kept = ""
  let width = pixels
  for (const character of text) {
    width += textWidth(character, pixels)
    if (width > room) break
    kept += character
  }
  return `${kept}…`
}
