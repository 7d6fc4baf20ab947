/** The frames of an error's stack, as far as a run records them. */
import * as Bytes from "./Bytes.ts"
import * as Text from "./Text.ts"

/** The most frames of one stack. */
export const MAX_FRAMES = 20

/** The most bytes of one stack, in UTF-8. */
const MAX_BYTES = 4_000

/** How much is read, in UTF-16 units: of the name before the message, and of the beginning of the message; of the frames. */
const MAX_HEAD = 500
const MAX_READ = 32_000

/** The parts of a frame that are kept, in UTF-16 units: its beginning and its end, which has the line and the column. */
const FRAME_START = 200
const FRAME_END = 100

// How frames end in V8 and in Bun: with a line, an address of WebAssembly, or a note that there is no file.
const LOCATION = /(?::\d+|:0x[\da-f]+|<anonymous>|native(?: code)?|index \d+)\)?$/

// Frames of effect, of Levada and of its threads: they say nothing about the task.
const LIBRARY =
  /[\\/](?:node_modules|registry\.npmjs\.org)[\\/](?:effect|levada|@jsr[\\/]levada__levada)[\\/]|\/\/jsr\.io\/@levada\/|\[worker eval\]/

// Frames outside the program's own code: packages, and the runtime itself.
const OUTSIDE = /[\\/]node_modules[\\/]|\b(?:node|ext|bun|npm|jsr|native):|\b(?:native|<anonymous>)\)?$/

const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u{202a}-\u{202e}\u{2066}-\u{2069}]/gu

/**
 * The frames of an error, innermost first, one a line without indentation; undefined without frames. When not all fit,
 * those in the program's own code are preferred to those in packages.
 */
export const of = (error: Error): string | undefined => {
  try {
    const { stack, message } = error
    return typeof stack === "string" ? cut(framesIn(withoutMessage(stack, message))) : undefined
  } catch {
    return undefined
  }
}

// The message may have lines that look like frames. It is in the first line, after the name, unless it was changed later.
const withoutMessage = (stack: string, message: unknown): string => {
  if (typeof message !== "string" || message === "") return stack
  const at = stack.slice(0, 2 * MAX_HEAD).indexOf(message.slice(0, MAX_HEAD))
  const isMessage = at !== -1 && stack.startsWith(message, at) && !stack.slice(0, at).includes("\n")
  return isMessage ? stack.slice(at + message.length) : stack
}

const framesIn = (stack: string): ReadonlyArray<string> => {
  const frames: Array<string> = []
  const lines = stack.slice(0, MAX_READ).split("\n")
  // The last line is cut.
  if (stack.length > MAX_READ) lines.pop()
  for (const line of lines) {
    const frame = line.trim()
    if (!frame.startsWith("at ") || !LOCATION.test(frame.slice(-FRAME_END)) || LIBRARY.test(frame)) continue
    const isLong = frame.length > FRAME_START + FRAME_END
    const kept = isLong ? `${Text.clip(frame, FRAME_START)}${frame.slice(-FRAME_END)}` : frame
    frames.push(kept.replace(UNPRINTABLE, "").toWellFormed())
  }
  return frames
}

const cut = (frames: ReadonlyArray<string>): string | undefined => {
  const kept = new Set<number>()
  let bytes = -1
  for (const isOutside of [false, true]) {
    for (const [at, frame] of frames.entries()) {
      if (kept.size === MAX_FRAMES) break
      if (OUTSIDE.test(frame) !== isOutside) continue
      const more = 1 + Bytes.ofText(frame)
      if (bytes + more > MAX_BYTES) continue
      kept.add(at)
      bytes += more
    }
  }
  return kept.size === 0 ? undefined : frames.filter((_, at) => kept.has(at)).join("\n")
}
