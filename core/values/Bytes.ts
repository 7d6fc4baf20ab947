/** The size of strings in UTF-8. Stores keep UTF-8, and bounds are counted in its bytes. */

/** The bytes of a string in UTF-8. An unpaired surrogate counts as the three bytes of U+FFFD, which replaces it. */
export const ofText = (text: string): number => {
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x80) continue
    bytes += unit < 0x800 ? 1 : 2
    // A surrogate pair has four bytes: its two units plus the two added above, so its low half adds none.
    if (unit >= 0xd800 && unit <= 0xdbff && isLow(text.charCodeAt(at + 1))) {
      at++
    }
  }
  return bytes
}

const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

/** Whether a string has more than `most` bytes. Counts them only when its length does not decide. */
export const exceeds = (text: string, most: number): boolean =>
  text.length > most || (3 * text.length > most && ofText(text) > most)

/** Whether the strings of a record have more than `most` bytes together. Counts them only when their lengths do not decide. */
export const exceedTogether = (texts: Readonly<Record<string, string>>, most: number): boolean => {
  let length = 0
  for (const name of Object.keys(texts)) length += texts[name]!.length
  if (length > most) return true
  if (3 * length <= most) return false
  let bytes = 0
  for (const name of Object.keys(texts)) bytes += ofText(texts[name]!)
  return bytes > most
}
