import { BrokenAudio } from "./broken-audio.ts"

const SHORTEST_SECONDS = 0.25
const LONGEST_SECONDS = 600
const LOWEST_RATE_HZ = 8_000
const HIGHEST_RATE_HZ = 192_000
const MOST_CHANNELS = 8

const ENCODINGS: Readonly<Record<number, { name: string; bits: readonly number[] }>> = {
  1: { name: "PCM", bits: [8, 16, 24, 32] },
  3: { name: "float", bits: [32, 64] },
  6: { name: "A-law", bits: [8] },
  7: { name: "mu-law", bits: [8] }
}
const EXTENSIBLE = 0xfffe

/** Where a WAV file keeps what matters: its format chunk, its audio data, and what they amount to. */
export interface WavLayout {
  readonly format: Uint8Array
  readonly data: Uint8Array
  readonly sampleRate: number
  readonly channels: number
  readonly frames: number
}

/**
 * Finds and checks the format and the audio data of a complete WAV file; sample rate in hertz.
 * Fails with `BrokenAudio` when anything is missing, contradictory, unsupported, or outside 0.25 s to 10 min.
 */
export function layoutOf(bytes: Uint8Array): WavLayout {
  if (bytes.length === 0) throw new BrokenAudio("not_wav", "the file is empty (0 bytes)")
  if (textAt(bytes, 0) !== "RIFF" || (bytes.length >= 12 && textAt(bytes, 8) !== "WAVE")) {
    throw new BrokenAudio("not_wav", `expected "RIFF....WAVE", found ${openingOf(bytes)}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let format: Uint8Array | undefined
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = textAt(bytes, at)
    const size = view.getUint32(at + 4, true)
    const held = bytes.length - at - 8
    if ((id === "fmt " || id === "data") && size > held) {
      throw new BrokenAudio(
        "truncated",
        `the "${id.trim()}" chunk should hold ${size} bytes, the file has only ${held} left`
      )
    }
    if (id === "fmt ") format = bytes.subarray(at + 8, at + 8 + size)
    if (id === "data") {
      if (format === undefined)
        throw new BrokenAudio("malformed", "the audio data comes before the format that explains it")
      return checked(format, bytes.subarray(at + 8, at + 8 + size))
    }
    at += 8 + size + (size % 2)
  }
  throw new BrokenAudio("truncated", `the file ends after ${bytes.length} bytes without any audio data`)
}

function checked(format: Uint8Array, data: Uint8Array): WavLayout {
  if (format.length < 16)
    throw new BrokenAudio("malformed", `the format chunk has ${format.length} bytes, 16 are needed`)
  const view = new DataView(format.buffer, format.byteOffset, format.byteLength)
  const outerTag = view.getUint16(0, true)
  const tag = outerTag === EXTENSIBLE && format.length >= 40 ? view.getUint16(24, true) : outerTag
  const channels = view.getUint16(2, true)
  const sampleRate = view.getUint32(4, true)
  const bytesPerSecond = view.getUint32(8, true)
  const bytesPerFrame = view.getUint16(12, true)
  const bits = view.getUint16(14, true)

  const encoding = ENCODINGS[tag]
  if (encoding === undefined)
    throw new BrokenAudio("unsupported", `WAV encoding 0x${tag.toString(16).padStart(4, "0")}`)
  if (!encoding.bits.includes(bits)) throw new BrokenAudio("unsupported", `${bits}-bit ${encoding.name} samples`)
  if (channels < 1 || channels > MOST_CHANNELS)
    throw new BrokenAudio("unsupported", `${channels} channels (1 to ${MOST_CHANNELS} are read)`)
  if (sampleRate < LOWEST_RATE_HZ || sampleRate > HIGHEST_RATE_HZ) {
    throw new BrokenAudio(
      "unsupported",
      `a sample rate of ${sampleRate} Hz (${LOWEST_RATE_HZ} to ${HIGHEST_RATE_HZ} Hz are read)`
    )
  }
  if (bytesPerFrame !== (channels * bits) / 8 || bytesPerSecond !== sampleRate * bytesPerFrame) {
    throw new BrokenAudio(
      "malformed",
      "sample rate, channels, sample size and byte rate in the header contradict each other"
    )
  }
  if (data.length === 0) throw new BrokenAudio("empty", "the audio data holds zero samples")
  if (data.length % bytesPerFrame !== 0)
    throw new BrokenAudio("malformed", "the audio data ends in the middle of a sample")
  const frames = data.length / bytesPerFrame
  const seconds = frames / sampleRate
  if (seconds < SHORTEST_SECONDS)
    throw new BrokenAudio("too_short", `${seconds.toFixed(3)} s of audio, at least ${SHORTEST_SECONDS} s are needed`)
  if (seconds > LONGEST_SECONDS)
    throw new BrokenAudio("too_long", `${seconds.toFixed(0)} s of audio, at most ${LONGEST_SECONDS} s are read`)
  return { format, data, sampleRate, channels, frames }
}

function textAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4))
}

function openingOf(bytes: Uint8Array): string {
  const opening = bytes.subarray(0, 12)
  const printable = opening.every((byte) => byte >= 0x20 && byte < 0x7f)
  if (printable) return `text "${String.fromCharCode(...opening)}"`
  return `bytes ${Array.from(opening, (byte) => byte.toString(16).padStart(2, "0")).join(" ")}`
}
