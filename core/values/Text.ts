/** Texts from outside: one rule for those that become keys, and one for those that are only kept and shown. */

/**
 * Whether a value can be a key: a text of `least` to `most` UTF-16 units without an unpaired surrogate. In UTF-8 each of
 * these becomes U+FFFD, so two keys that differ in memory would be one on Redis.
 */
export const isKey = (value: unknown, most: number, least = 1): value is string =>
  typeof value === "string" && value.length >= least && value.length <= most && value.isWellFormed()

/** What `isKey` asks for, in words. */
export const keyRule = (most: number, least = 1): string =>
  `a text of ${least === 0 ? "at most" : `${least} to`} ${most} characters, without an unpaired surrogate`

/** A text as it is kept: its first `most` UTF-16 units, never half a pair, and U+FFFD for each unpaired surrogate. */
export const clip = (text: string, most: number): string => {
  if (text.length <= most) return text.toWellFormed()
  const isCutPair = isHigh(text.charCodeAt(most - 1)) && isLow(text.charCodeAt(most))
  return `${text.slice(0, isCutPair ? most - 1 : most).toWellFormed()}…`
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff
