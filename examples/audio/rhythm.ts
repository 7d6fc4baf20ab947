import type { Levels } from "./levels.ts"

/** How regularly sounds begin: `tempoBpm` is null when no beat repeats clearly, `beatStrength` is 0..1. */
export interface Rhythm {
  readonly tempoBpm: number | null
  readonly beatStrength: number
  readonly onsetsPerSecond: number
}

const SLOWEST_BPM = 50
const FASTEST_BPM = 220
const USUAL_BPM = 120
const CLEAR_BEAT = 0.2
/** Onsets at random repeat this strongly in one second of sound; the chance sinks with the root of the duration. */
const CHANCE_IN_ONE_SECOND = 0.9
const LEAST_BEATS = 3
const ONSET_RISE_DB = 3

/**
 * Finds the tempo at which the loudness keeps rising: the lag where the onset curve best matches itself.
 * Beats per minute from 50 to 220, onsets per second; never fails, a recording without a beat gives null.
 */
export function rhythmOf({ rms, silenceBelow, windowsPerSecond }: Levels): Rhythm {
  const onsets = onsetCurve(rms, silenceBelow)
  const onsetsPerSecond = (peaksOf(onsets) * windowsPerSecond) / Math.max(1, rms.length)
  const energy = correlation(onsets, 0)
  if (energy === 0) return { tempoBpm: null, beatStrength: 0, onsetsPerSecond }

  const shortestLag = Math.floor((60 * windowsPerSecond) / FASTEST_BPM)
  // A beat seen fewer than three times could be chance.
  const longestLag = Math.min(Math.ceil((60 * windowsPerSecond) / SLOWEST_BPM), Math.floor(onsets.length / LEAST_BEATS))
  let best = { lag: 0, strength: 0, score: 0 }
  for (let lag = shortestLag; lag <= longestLag; lag++) {
    const strength = correlation(onsets, lag) / energy
    // Half and double the tempo match almost as well; people prefer to tap near 120.
    const octavesOff = Math.log2((60 * windowsPerSecond) / lag / USUAL_BPM)
    const score = strength * Math.exp(-0.5 * octavesOff ** 2)
    if (score > best.score) best = { lag, strength, score }
  }
  const beatStrength = Math.min(1, best.strength)
  const clear = Math.max(CLEAR_BEAT, CHANCE_IN_ONE_SECOND / Math.sqrt(rms.length / windowsPerSecond))
  if (best.strength < clear) return { tempoBpm: null, beatStrength, onsetsPerSecond }
  return {
    tempoBpm: (60 * windowsPerSecond) / refinedLag(onsets, best.lag),
    beatStrength,
    onsetsPerSecond
  }
}

/** Decibels by which the loudness rises over 30 ms; small rises are fluctuation, not onsets. */
function onsetCurve(rms: readonly number[], floor: number): number[] {
  const decibels = rms.map((level) => 20 * Math.log10(Math.max(level, floor, Number.MIN_VALUE)))
  return decibels.map((level, index) => {
    const rise = level - (decibels[Math.max(0, index - 3)] ?? level)
    return rise < ONSET_RISE_DB ? 0 : rise
  })
}

function peaksOf(curve: readonly number[]): number {
  return curve.filter(
    (value, index) => value > 0 && value > (curve[index - 1] ?? 0) && value >= (curve[index + 1] ?? 0)
  ).length
}

function correlation(curve: readonly number[], lag: number): number {
  const mean = curve.reduce((sum, value) => sum + value, 0) / curve.length
  let sum = 0
  for (let index = 0; index + lag < curve.length; index++) {
    sum += ((curve[index] ?? 0) - mean) * ((curve[index + lag] ?? 0) - mean)
  }
  return sum / (curve.length - lag)
}

/** The top of the parabola through the best lag and its neighbours, since a beat rarely lasts whole windows. */
function refinedLag(curve: readonly number[], lag: number): number {
  const [before, at, after] = [correlation(curve, lag - 1), correlation(curve, lag), correlation(curve, lag + 1)]
  const bend = before - 2 * at + after
  return bend < 0 ? lag + Math.max(-0.5, Math.min(0.5, (before - after) / (2 * bend))) : lag
}
