import type { Features } from "./features.ts"
import type { Tag, TagName } from "./tags.ts"

/** What a reader wants to know about one recording, as plain JSON. */
export type AudioReport = {
  /** A few lines for people: levels in dBFS, tempo in beats per minute. */
  readonly summary: string
  readonly tags: TagName[]
  readonly features: Features
  readonly embedding: number[]
}

/** Puts the findings about one recording into words; units as in `Features`, and it never fails. */
export function reportOf(features: Features, tags: readonly Tag[], embedding: readonly number[]): AudioReport {
  const names = tags.map(({ tag }) => tag)
  const channels = features.channels === 1 ? "mono" : `${features.channels} channels`
  const lines = [
    `${features.duration_seconds.toFixed(1)} s, ${channels}, ${features.sample_rate_hz} Hz; average ${decibels(features.rms)}, peak ${decibels(features.peak)}.`,
    names.length === 0 ? "No tag applies." : `Sounds ${names.join(", ")}.`,
    ...tags.map(({ tag, because }) => `- ${tag}: ${because}`),
    `Tempo: ${features.tempo_bpm === null ? "no beat" : `${features.tempo_bpm} BPM`}. Strongest pitch class: ${features.dominant_pitch_class ?? "none"}.`,
    `Embedding: ${embedding.length} numbers.`
  ]
  return { summary: lines.join("\n"), tags: names, features, embedding: [...embedding] }
}

function decibels(level: number): string {
  return level > 0 ? `${(20 * Math.log10(level)).toFixed(1)} dBFS` : "silence"
}
