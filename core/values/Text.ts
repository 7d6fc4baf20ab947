/** Strings from callers and tasks: a rule for keys, and what of a text is shown: clipped, without paths of the host. */

/**
 * Whether a value can be a key: a string of `least` to `most` UTF-16 units without an unpaired surrogate. UTF-8 replaces
 * each unpaired surrogate by U+FFFD, so two keys that differ in memory would be the same key on Redis.
 */
export const isKey = (value: unknown, most: number, least = 1): value is string =>
  typeof value === "string" && value.length >= least && value.length <= most && value.isWellFormed()

/** The rule of `isKey` in words. */
export const keyRule = (most: number, least = 1): string =>
  `a string of ${least === 0 ? "at most" : `${least} to`} ${most} characters, without an unpaired surrogate (half of a character, as from a cut emoji)`

/**
 * The first `most` UTF-16 units of a string, and `…` when more follow. Never cuts a surrogate pair in half, and replaces
 * each unpaired surrogate by U+FFFD.
 */
export const clip = (text: string, most: number): string => {
  if (text.length <= most) return text.toWellFormed()
  const isCutPair = isHigh(text.charCodeAt(most - 1)) && isLow(text.charCodeAt(most))
  return `${text.slice(0, isCutPair ? most - 1 : most).toWellFormed()}…`
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

// An absolute path of two or more segments (POSIX, Windows or file URL) at the start of a word or of a list item.
// A segment may contain up to three spaces. The path of a URL such as `https://…` does not match.
const HOST_PATH =
  /(?<=^|[\s'"`(<=[\]{,;:|&@])(?:file:\/\/)?(?:\/(?!\/)|[A-Za-z]:[\\/]|\\\\)(?:[^\s'"`()<>:\\/|,;]+(?: [^\s'"`()<>:\\/|,;]+){0,3}[\\/])+([^\s'"`()<>:\\/|,;]*)/g

/** Replaces the directories of absolute paths in a message (`ENOENT … '/srv/app/in.wav'`) by `…`; file names stay. */
export const withoutHostPaths = (message: string): string => message.replace(HOST_PATH, "…/$1")
