import decodeWav from "@audio/decode-wav"
import { BrokenAudio } from "./broken-audio.ts"
import { layoutOf } from "./wav-layout.ts"

/** One decoded recording: mono samples in -1..1, at `sampleRate` hertz, lasting `durationSeconds`. */
export interface Recording {
  readonly sampleRate: number
  readonly samples: Float32Array
  /** Channels in the file; `samples` is their average. */
  readonly channels: number
  readonly durationSeconds: number
}

const HIGHEST_SAMPLE = 100 // float files may exceed full scale, but not by this much

/**
 * Decodes a whole WAV file into one mono signal.
 * Sample rate in hertz, duration in seconds, samples in -1..1.
 * Fails with `BrokenAudio` for anything but a complete WAV file of 0.25 s to 10 min in a supported encoding.
 */
export async function decode(bytes: Uint8Array): Promise<Recording> {
  const { format, data, sampleRate, channels, frames } = layoutOf(bytes)
  // The decoder gets these two chunks only: it does not skip the pad byte after an odd-sized chunk such as LIST.
  const { channelData } = decodeWav(withTwoChunks(format, data))
  if (channelData.length !== channels || channelData.some((channel) => channel.length !== frames)) {
    throw new BrokenAudio(
      "malformed",
      `the header announces ${frames} samples on ${channels} channel(s), decoding found others`
    )
  }
  const samples = new Float32Array(frames)
  for (const channel of channelData) {
    // An index loop: iterators take seconds over ten minutes of audio.
    for (let index = 0; index < frames; index++)
      samples[index] = (samples[index] ?? 0) + (channel[index] ?? 0) / channels
  }
  const broken = samples.findIndex((sample) => !(Math.abs(sample) <= HIGHEST_SAMPLE))
  if (broken >= 0) throw new BrokenAudio("malformed", `sample ${broken} is ${samples[broken]}, full scale is 1`)
  return { sampleRate, samples, channels, durationSeconds: frames / sampleRate }
}

function withTwoChunks(format: Uint8Array, data: Uint8Array): Uint8Array {
  const evenFormat = format.length - (format.length % 2)
  const bytes = new Uint8Array(28 + evenFormat + data.length)
  const view = new DataView(bytes.buffer)
  bytes.set(ascii("RIFF"), 0)
  view.setUint32(4, bytes.length - 8, true)
  bytes.set(ascii("WAVEfmt "), 8)
  view.setUint32(16, evenFormat, true)
  bytes.set(format.subarray(0, evenFormat), 20)
  bytes.set(ascii("data"), 20 + evenFormat)
  view.setUint32(24 + evenFormat, data.length, true)
  bytes.set(data, 28 + evenFormat)
  return bytes
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
