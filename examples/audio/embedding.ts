import type { Features } from "./features.ts"

/** How many numbers an embedding has. */
export const EMBEDDING_LENGTH = 32

const TIMBRE_SCALE = 60

/**
 * Places a recording in a space where similar sounds point the same way: 32 numbers of unit length, never fails.
 * Twelve describe the timbre, twelve the pitch classes, eight the rest; loudness and duration are left out on purpose.
 */
export function embeddingOf(features: Features): number[] {
  // The first coefficient is the level, not the timbre.
  const timbre = features.mfcc_mean.slice(1).map((coefficient) => coefficient / TIMBRE_SCALE)
  const averageChroma = features.chroma.reduce((sum, value) => sum + value, 0) / features.chroma.length
  const pitches = features.chroma.map((value) => value - averageChroma)
  const rest = [
    between(Math.log2(features.spectral_centroid_hz), Math.log2(250), Math.log2(8_000)),
    between(Math.log2(features.spectral_rolloff_hz), Math.log2(1_000), Math.log2(16_000)),
    between(features.spectral_flatness, 0, 0.9),
    between(features.zero_crossing_rate, 0, 0.5),
    between(features.zero_crossing_spread, 0, 0.25),
    between(features.silence_ratio, 0, 0.5),
    between(features.onsets_per_second, 0, 8),
    between(features.beat_strength, 0, 1)
  ]
  const vector = [...timbre, ...pitches, ...rest]
  const length = Math.hypot(...vector)
  return vector.map((value) => Number((value / length).toFixed(6)))
}

/** Cosine similarity of two embeddings: 1 for the same direction, 0 for unrelated, -1 for opposite; never fails. */
export function similarityOf(one: readonly number[], other: readonly number[]): number {
  const dot = one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0)
  return dot / (Math.hypot(...one) * Math.hypot(...other))
}

/** Maps `low`..`high` to -1..1 and cuts off the rest. */
function between(value: number, low: number, high: number): number {
  return Math.max(-1, Math.min(1, (2 * (value - low)) / (high - low) - 1))
}
