// Writes melody.wav, speech.wav and noise.wav next to this file; the same bytes on every run.
import { writeFileSync } from "node:fs"
import { encodeWav } from "./encode-wav.ts"

type Random = () => number

/** Numbers in 0..1, the same sequence for the same seed (mulberry32). */
function randomFrom(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function mixIn(target: Float32Array, source: Float32Array, atSample: number, gain: number): void {
  const end = Math.min(target.length, atSample + source.length)
  for (let index = atSample; index < end; index++) {
    target[index] = (target[index] ?? 0) + gain * (source[index - atSample] ?? 0)
  }
}

function normalised(samples: Float32Array, peak: number): Float32Array {
  const highest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
  return samples.map((sample) => (sample / highest) * peak)
}

/** Two-pole resonator: rings at `frequencyHz`, the more narrowly the smaller `bandwidthHz`. */
function resonator(sampleRate: number): (input: number, frequencyHz: number, bandwidthHz: number) => number {
  let previous = 0
  let beforePrevious = 0
  return (input, frequencyHz, bandwidthHz) => {
    const radius = Math.exp((-Math.PI * bandwidthHz) / sampleRate)
    const feedback = 2 * radius * Math.cos((2 * Math.PI * frequencyHz) / sampleRate)
    const output = (1 - feedback + radius * radius) * input + feedback * previous - radius * radius * beforePrevious
    beforePrevious = previous
    previous = output
    return output
  }
}

/** Karplus-Strong: a noise burst circulating in a delay line one period long sounds like a plucked string. */
function pluck(frequencyHz: number, seconds: number, sampleRate: number, random: Random): Float32Array {
  const samples = new Float32Array(Math.round(seconds * sampleRate))
  // The averaging below delays by another half sample; without the correction high notes come out flat.
  const period = sampleRate / frequencyHz - 0.5
  const delay = Math.floor(period)
  const fraction = period - delay
  const tap = (index: number) => (index < 0 ? 0 : (samples[index] ?? 0))
  const averaged = (index: number) => (tap(index) + tap(index - 1)) / 2
  for (let index = 0; index < samples.length; index++) {
    const burst = index <= delay ? random() * 2 - 1 : 0
    const circulated = (1 - fraction) * averaged(index - delay) + fraction * averaged(index - delay - 1)
    samples[index] = burst + 0.994 * circulated
  }
  return samples
}

function thump(seconds: number, sampleRate: number): Float32Array {
  return new Float32Array(Math.round(seconds * sampleRate)).map(
    (_, index) => Math.sin((2 * Math.PI * 70 * index) / sampleRate) * Math.exp((-18 * index) / sampleRate)
  )
}

/** Eight beats at 120 BPM in A minor: a plucked note and a thump on every beat, a few notes in between. */
function melody(sampleRate: number): Float32Array {
  const random = randomFrom(120)
  const beatSeconds = 60 / 120
  const samples = new Float32Array(8 * beatSeconds * sampleRate)
  const notes: ReadonlyArray<readonly [beat: number, frequencyHz: number, gain: number]> = [
    [0, 440, 1],
    [1, 523.25, 1],
    [2, 659.26, 1],
    [2.5, 587.33, 0.6],
    [3, 523.25, 1],
    [4, 440, 1],
    [4.5, 493.88, 0.6],
    [5, 523.25, 1],
    [6, 659.26, 1],
    [7, 440, 1]
  ]
  for (const [beat, frequencyHz, gain] of notes) {
    mixIn(samples, pluck(frequencyHz, 0.9, sampleRate, random), Math.round(beat * beatSeconds * sampleRate), gain)
  }
  for (let beat = 0; beat < 8; beat++) {
    mixIn(samples, thump(0.25, sampleRate), Math.round(beat * beatSeconds * sampleRate), 0.8)
  }
  for (const beat of [0, 4]) {
    mixIn(samples, pluck(110, 2, sampleRate, random), Math.round(beat * beatSeconds * sampleRate), 0.5)
  }
  return normalised(samples, 0.9)
}

const VOWELS_HZ: ReadonlyArray<readonly [number, number, number]> = [
  [730, 1090, 2440],
  [530, 1840, 2480],
  [270, 2290, 3010],
  [570, 840, 2410],
  [300, 870, 2240]
]

/** Four phrases of unevenly long syllables with pauses between: hiss for consonants, three formants for vowels. */
function speech(sampleRate: number, seconds: number): Float32Array {
  const random = randomFrom(7)
  const samples = new Float32Array(seconds * sampleRate)
  const formants = [resonator(sampleRate), resonator(sampleRate), resonator(sampleRate)]
  const gains = [1, 0.5, 0.25]
  let at = Math.round(0.1 * sampleRate)
  let phase = 0
  let flow = 0
  let breath = 0
  let voiceBefore = 0
  for (const syllables of [4, 2, 5, 3]) {
    for (let syllable = 0; syllable < syllables; syllable++) {
      const hissLength = random() < 0.7 ? Math.round((0.04 + 0.06 * random()) * sampleRate) : 0
      let before = 0
      for (let index = 0; index < hissLength && at < samples.length; index++, at++) {
        const white = random() * 2 - 1
        samples[at] = 0.03 * Math.sin((Math.PI * index) / hissLength) * (white - before)
        before = white
      }
      const vowel = VOWELS_HZ[Math.floor(random() * VOWELS_HZ.length)] ?? [500, 1500, 2500]
      const vowelLength = Math.round((0.08 + 0.13 * random()) * sampleRate)
      const startPitchHz = 135 - 6 * syllable + 10 * random()
      for (let index = 0; index < vowelLength && at < samples.length; index++, at++) {
        phase += (startPitchHz - (12 * index) / vowelLength) / sampleRate
        const pulse = phase >= 1 ? 1 : 0
        phase -= Math.floor(phase)
        // Vocal folds close softly: without this slope the voice buzzes.
        flow += 0.2 * (pulse + 0.005 * (random() * 2 - 1) - flow)
        breath += 0.2 * (flow - breath)
        let voice = 0
        for (const [number, ring] of formants.entries()) {
          voice += (gains[number] ?? 0) * ring(breath, vowel[number] ?? 0, 60 + 40 * number)
        }
        // Lips radiate changes of pressure only, so no constant part is left.
        samples[at] = (voice - voiceBefore) * 20 * Math.sqrt(Math.sin((Math.PI * index) / vowelLength))
        voiceBefore = voice
      }
      at += Math.round((0.01 + 0.04 * random()) * sampleRate)
    }
    at += Math.round((0.22 + 0.2 * random()) * sampleRate)
  }
  return normalised(samples, 0.7)
}

/** Rain: steady hiss with the lowest frequencies removed, and a faint drop now and then. */
function rain(sampleRate: number, seconds: number): Float32Array {
  const random = randomFrom(42)
  const ring = resonator(sampleRate)
  let low = 0
  const samples = new Float32Array(seconds * sampleRate).map(() => {
    const white = random() * 2 - 1
    low += 0.15 * (white - low)
    const drop = random() < 0.004 ? (random() * 2 - 1) * 3 : 0
    return white - low + ring(drop, 3_200, 900)
  })
  return normalised(samples, 0.35)
}

const files = {
  "melody.wav": encodeWav(melody(16_000), 16_000),
  "speech.wav": encodeWav(speech(16_000, 4), 16_000),
  "noise.wav": encodeWav(rain(22_050, 2), 22_050)
}
for (const [name, bytes] of Object.entries(files)) writeFileSync(new URL(name, import.meta.url), bytes)
