import Meyda from "meyda"
import type { Recording } from "./decode.ts"

/** What the spectrum of one moment looks like; frequencies in hertz, the rest without unit. */
export interface Moment {
  readonly centroidHz: number
  /** 99 % of the amplitude lies below this frequency. */
  readonly rolloffHz: number
  /** 0 for a pure tone, towards 1 for white noise. */
  readonly flatness: number
  /** Energy per pitch class from C to B, the strongest being 1. */
  readonly chroma: readonly number[]
  /** 13 mel-frequency cepstral coefficients. */
  readonly mfcc: readonly number[]
}

interface Extractor {
  extract(
    names: readonly ["spectralCentroid", "spectralRolloff", "spectralFlatness", "chroma", "mfcc"],
    frame: Float32Array
  ): {
    spectralCentroid: number
    spectralRolloff: number
    spectralFlatness: number
    chroma: number[]
    mfcc: number[]
  }
}

// Meyda's own types describe its browser build: they need the DOM, and hide the object behind a second `default`.
const shared = Meyda as unknown as Extractor

const FRAME_SECONDS = 0.1 // long enough to tell neighbouring semitones apart from middle C upwards
const MOST_MOMENTS = 1_000
const REFERENCE_RMS = 0.1

/**
 * Describes the spectrum at up to 1,000 moments spread over a recording, leaving out the silent ones.
 * `rms` is the level of the whole recording, silence is anything below `silenceBelow`; never fails, silence gives none.
 */
export function momentsOf({ samples, sampleRate }: Recording, rms: number, silenceBelow: number): Moment[] {
  const length = 2 ** Math.round(Math.log2(sampleRate * FRAME_SECONDS))
  const lastStart = samples.length - length
  const count = Math.min(MOST_MOMENTS, 1 + Math.ceil(lastStart / (length / 2)))
  // A copy per recording: Meyda keeps the filters of the first sample rate it sees and would apply them to all others.
  const meyda = { ...shared, sampleRate, bufferSize: length }
  const moments: Moment[] = []
  for (let index = 0; index < count; index++) {
    const start = count === 1 ? 0 : Math.round((index * lastStart) / (count - 1))
    const frame = samples.slice(start, start + length)
    if (!frame.some((sample) => Math.abs(sample) >= silenceBelow)) continue
    // Cepstral coefficients depend on the level; at one common level they describe the timbre only.
    const levelled = frame.map((sample) => (sample * REFERENCE_RMS) / rms)
    const found = meyda.extract(["spectralCentroid", "spectralRolloff", "spectralFlatness", "chroma", "mfcc"], levelled)
    moments.push({
      centroidHz: (found.spectralCentroid * sampleRate) / length,
      rolloffHz: found.spectralRolloff,
      flatness: found.spectralFlatness,
      chroma: found.chroma,
      mfcc: found.mfcc
    })
  }
  return moments
}
