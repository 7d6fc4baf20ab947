/** How many bytes a text takes in UTF-8, which is what Stores keep and what bounds are counted in. */

/** The bytes of a text in UTF-8. Half of a surrogate pair counts as the three bytes of U+FFFD, which takes its place. */
export const ofText = (text: string): number => {
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x80) continue
    bytes += unit < 0x800 ? 1 : 2
    // The second half of a pair adds nothing: the pair has four bytes.
    if (unit >= 0xd800 && unit <= 0xdbff && isLow(text.charCodeAt(at + 1))) {
      at++
    }
  }
  return bytes
}

const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

/** Whether a text takes more bytes than that. Counts only where its length does not tell. */
export const exceeds = (text: string, most: number): boolean =>
  text.length > most || (3 * text.length > most && ofText(text) > most)

/** Whether the texts of a record take more bytes together than that. Counts only where their lengths do not tell. */
export const exceedTogether = (texts: Readonly<Record<string, string>>, most: number): boolean => {
  let length = 0
  for (const name of Object.keys(texts)) length += texts[name]!.length
  if (length > most) return true
  if (3 * length <= most) return false
  let bytes = 0
  for (const name of Object.keys(texts)) bytes += ofText(texts[name]!)
  return bytes > most
}
