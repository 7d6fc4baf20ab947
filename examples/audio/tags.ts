import type { Features } from "./features.ts"

export type TagName =
  | "silent"
  | "quiet"
  | "loud"
  | "clipped"
  | "dark"
  | "bright"
  | "tonal"
  | "noisy"
  | "rhythmic"
  | "sustained"
  | "with-pauses"
  | "speech-like"
  | "music-like"

/** A word for a recording, and the measured figure that earned it. */
export type Tag = { readonly tag: TagName; readonly because: string }

interface Rule {
  readonly tag: TagName
  readonly applies: (features: Features) => boolean
  readonly because: (features: Features) => string
}

const percent = (share: number) => `${(share * 100).toFixed(0)} %`

function isTonal({ spectral_flatness, dominant_pitch_class }: Features): boolean {
  return spectral_flatness <= 0.5 && dominant_pitch_class !== null
}

function isSpeechLike(features: Features): boolean {
  const { silence_ratio, onsets_per_second, zero_crossing_spread, beat_strength } = features
  const pauses = silence_ratio >= 0.1 && silence_ratio <= 0.7
  // Voice and hiss take turns in speech, so the zero crossings swing more than in music or steady noise.
  const voiceAndHiss = zero_crossing_spread >= 0.08
  const syllables = onsets_per_second >= 2 && onsets_per_second <= 12 && beat_strength < 0.6
  return pauses && voiceAndHiss && syllables && !isTonal(features)
}

const RULES: readonly Rule[] = [
  {
    tag: "speech-like",
    applies: isSpeechLike,
    because: (f) =>
      `${f.onsets_per_second} onsets per second in no strict beat, ${percent(f.silence_ratio)} pauses, and zero crossings that swing by ${f.zero_crossing_spread}`
  },
  {
    tag: "music-like",
    applies: (f) => f.tempo_bpm !== null && isTonal(f),
    because: (f) => `a beat of ${f.tempo_bpm} BPM under pitched sound (strongest pitch class ${f.dominant_pitch_class})`
  },
  {
    tag: "rhythmic",
    applies: (f) => f.tempo_bpm !== null,
    because: (f) => `onsets repeat at ${f.tempo_bpm} BPM with a strength of ${f.beat_strength} out of 1`
  },
  {
    tag: "sustained",
    applies: (f) => f.onsets_per_second <= 0.5 && f.silence_ratio <= 0.05,
    because: (f) => `${f.onsets_per_second} onsets per second and ${percent(f.silence_ratio)} silence`
  },
  {
    tag: "with-pauses",
    applies: (f) => f.silence_ratio >= 0.1,
    because: (f) => `${percent(f.silence_ratio)} of the time there is nothing to hear`
  },
  {
    tag: "tonal",
    applies: isTonal,
    because: (f) =>
      `spectral flatness ${f.spectral_flatness} is at most 0.5 and pitch class ${f.dominant_pitch_class} stands out`
  },
  {
    tag: "noisy",
    applies: (f) => f.spectral_flatness >= 0.7,
    because: (f) => `spectral flatness ${f.spectral_flatness} is at least 0.7 (white noise comes near 0.85)`
  },
  {
    tag: "dark",
    applies: (f) => f.spectral_centroid_hz <= 1_500,
    because: (f) => `spectral centroid ${f.spectral_centroid_hz} Hz is at most 1500 Hz`
  },
  {
    tag: "bright",
    applies: (f) => f.spectral_centroid_hz >= 4_000,
    because: (f) => `spectral centroid ${f.spectral_centroid_hz} Hz is at least 4000 Hz`
  },
  {
    tag: "quiet",
    applies: (f) => f.rms <= 0.03,
    because: (f) => `root mean square ${f.rms} is at most 0.03 of full scale`
  },
  {
    tag: "loud",
    applies: (f) => f.rms >= 0.2,
    because: (f) => `root mean square ${f.rms} is at least 0.2 of full scale`
  },
  {
    tag: "clipped",
    applies: (f) => f.peak >= 0.999,
    because: (f) => `the highest sample is ${f.peak} of full scale`
  }
]

/** Names what a recording sounds like, most telling tag first; figures as in `Features`, and it never fails. */
export function tagsOf(features: Features): Tag[] {
  if (features.silence_ratio >= 0.99) {
    return [
      {
        tag: "silent",
        because: `${percent(features.silence_ratio)} of the time there is nothing to hear`
      }
    ]
  }
  return RULES.filter((rule) => rule.applies(features)).map(({ tag, because }) => ({
    tag,
    because: because(features)
  }))
}
