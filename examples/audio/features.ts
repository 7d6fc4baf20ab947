import type { Recording } from "./decode.ts"
import { levelsOf, rootMeanSquare } from "./levels.ts"
import { rhythmOf } from "./rhythm.ts"
import { momentsOf } from "./spectrum.ts"

/** Pitch classes in the order of `Features.chroma`. */
export const PITCH_CLASSES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"] as const

/** Everything measured about one recording, as plain JSON; a silent recording has 0 for whatever needs sound. */
export type Features = {
  readonly duration_seconds: number
  readonly sample_rate_hz: number
  readonly channels: number
  /** Root mean square and highest sample, 0..1. */
  readonly rms: number
  readonly peak: number
  /** Share of 20 ms windows with nothing to hear, 0..1. */
  readonly silence_ratio: number
  /** Share of neighbouring samples that change sign, 0..1, and how much it varies from window to window. */
  readonly zero_crossing_rate: number
  readonly zero_crossing_spread: number
  readonly spectral_centroid_hz: number
  /** 99 % of the amplitude lies below this frequency. */
  readonly spectral_rolloff_hz: number
  /** 0 for a pure tone, towards 1 for white noise. */
  readonly spectral_flatness: number
  readonly onsets_per_second: number
  /** null when there is no beat. */
  readonly tempo_bpm: number | null
  /** How well the onsets repeat at that tempo, 0..1. */
  readonly beat_strength: number
  /** null when no pitch class stands out. */
  readonly dominant_pitch_class: (typeof PITCH_CLASSES)[number] | null
  /** Mean energy per pitch class from C to B, the strongest being 1. */
  readonly chroma: number[]
  readonly mfcc_mean: number[]
  readonly mfcc_deviation: number[]
}

const STANDS_OUT = 1.7

/** Measures a decoded recording; seconds, hertz and beats per minute as the names say, and it never fails. */
export function extractFeatures(recording: Recording): Features {
  const peak = recording.samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
  const audio = audible(recording)
  const rms = rootMeanSquare(audio.samples)
  const levels = levelsOf(audio)
  const rhythm = rhythmOf(levels)
  const moments = momentsOf(audio, rms, levels.silenceBelow)
  const heard = levels.rms.map((level) => level >= levels.silenceBelow)
  const crossingRates = levels.zeroCrossingRate.filter((_, window) => heard[window])
  const chroma = scaledToOne(
    columns(
      moments.map((moment) => moment.chroma),
      12
    ).map(mean)
  )
  const mfcc = columns(
    moments.map((moment) => moment.mfcc),
    13
  )
  return {
    duration_seconds: rounded(audio.durationSeconds, 3),
    sample_rate_hz: audio.sampleRate,
    channels: audio.channels,
    rms: rounded(rms, 4),
    peak: rounded(peak, 4),
    silence_ratio: rounded(1 - heard.filter(Boolean).length / heard.length, 3),
    zero_crossing_rate: rounded(mean(crossingRates), 4),
    zero_crossing_spread: rounded(deviation(crossingRates), 4),
    spectral_centroid_hz: rounded(mean(moments.map((moment) => moment.centroidHz)), 1),
    spectral_rolloff_hz: rounded(mean(moments.map((moment) => moment.rolloffHz)), 1),
    spectral_flatness: rounded(mean(moments.map((moment) => moment.flatness)), 4),
    onsets_per_second: rounded(rhythm.onsetsPerSecond, 2),
    tempo_bpm: rhythm.tempoBpm === null ? null : rounded(rhythm.tempoBpm, 1),
    beat_strength: rounded(rhythm.beatStrength, 3),
    dominant_pitch_class: dominantOf(chroma),
    chroma: chroma.map((value) => rounded(value, 3)),
    mfcc_mean: mfcc.map((values) => rounded(mean(values), 2)),
    mfcc_deviation: mfcc.map((values) => rounded(deviation(values), 2))
  }
}

/** Below 20 Hz nothing is heard, yet an offset or drift would count as level and hide the zero crossings. */
function audible(audio: Recording): Recording {
  const keep = 1 - (2 * Math.PI * 20) / audio.sampleRate
  let before = audio.samples[0] ?? 0
  let output = 0
  const samples = audio.samples.map((sample) => {
    output = sample - before + keep * output
    before = sample
    return output
  })
  return { ...audio, samples }
}

function dominantOf(chroma: readonly number[]): (typeof PITCH_CLASSES)[number] | null {
  const average = mean(chroma)
  return average > 0 && 1 / average >= STANDS_OUT ? (PITCH_CLASSES[chroma.indexOf(1)] ?? null) : null
}

function columns(rows: ReadonlyArray<readonly number[]>, width: number): number[][] {
  return Array.from({ length: width }, (_, column) => rows.map((row) => row[column] ?? 0))
}

function scaledToOne(values: readonly number[]): number[] {
  const highest = Math.max(...values)
  return values.map((value) => (highest > 0 ? value / highest : 0))
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}

function deviation(values: readonly number[]): number {
  const average = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - average) ** 2)))
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
