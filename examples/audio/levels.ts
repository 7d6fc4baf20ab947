import type { Recording } from "./decode.ts"

/** Loudness and zero crossings in 20 ms windows every 10 ms: fine enough to see syllables and drum hits. */
export interface Levels {
  readonly windowsPerSecond: number
  /** Root mean square of each window, 0..1. */
  readonly rms: readonly number[]
  /** Share of neighbouring samples in each window that change sign, 0..1. */
  readonly zeroCrossingRate: readonly number[]
  /** A window below this root mean square counts as silent. */
  readonly silenceBelow: number
}

const WINDOWS_PER_SECOND = 100
const AUDIBLE_RMS = 0.001 // -60 dBFS
const PAUSE_BELOW_LOUDEST = 0.02 // -34 dB: lower than a note dying away, higher than the noise floor of a recording

/** Measures a recording window by window; levels are 0..1, there are 100 windows per second, and it never fails. */
export function levelsOf({ samples, sampleRate }: Pick<Recording, "samples" | "sampleRate">): Levels {
  const rms: number[] = []
  const zeroCrossingRate: number[] = []
  const length = Math.round(sampleRate / 50)
  for (let window = 0; ; window++) {
    const start = Math.round((window * sampleRate) / WINDOWS_PER_SECOND)
    if (start + length > samples.length) break
    const part = samples.subarray(start, start + length)
    rms.push(rootMeanSquare(part))
    zeroCrossingRate.push(crossings(part) / (length - 1))
  }
  const loudest = rms.reduce((most, level) => Math.max(most, level), 0)
  return {
    windowsPerSecond: WINDOWS_PER_SECOND,
    rms,
    zeroCrossingRate,
    silenceBelow: Math.max(AUDIBLE_RMS, loudest * PAUSE_BELOW_LOUDEST)
  }
}

/** Root mean square of samples, in their own unit; 0 for none. */
export function rootMeanSquare(samples: Float32Array): number {
  let sum = 0
  for (const sample of samples) sum += sample * sample
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length)
}

function crossings(samples: Float32Array): number {
  let count = 0
  let wasNegative = (samples[0] ?? 0) < 0
  for (const sample of samples) {
    const isNegative = sample < 0
    if (isNegative !== wasNegative) count++
    wasNegative = isNegative
  }
  return count
}
