import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import {
  BrokenAudio,
  decode,
  EMBEDDING_LENGTH,
  embeddingOf,
  extractFeatures,
  type Features,
  type Recording,
  reportOf,
  similarityOf,
  tagsOf
} from "./analysis.ts"
import { encodeWav } from "./encode-wav.ts"

const NAMES = ["melody", "speech", "noise"] as const
type Name = (typeof NAMES)[number]

const fileOf = (name: Name): Uint8Array => new Uint8Array(readFileSync(new URL(`./${name}.wav`, import.meta.url)))
const featuresOf = async (name: Name): Promise<Features> => extractFeatures(await decode(fileOf(name)))
const tagNames = (features: Features): string[] => tagsOf(features).map(({ tag }) => tag)

function signal(seconds: number, sampleRate: number, at: (second: number) => number): Recording {
  const samples = Float32Array.from({ length: Math.round(seconds * sampleRate) }, (_, index) => at(index / sampleRate))
  return { samples, sampleRate, channels: 1, durationSeconds: seconds }
}

const sine = (frequencyHz: number, sampleRate: number): Recording =>
  signal(1, sampleRate, (second) => 0.5 * Math.sin(2 * Math.PI * frequencyHz * second))

async function failureOf(bytes: Uint8Array): Promise<BrokenAudio> {
  const outcome: unknown = await decode(bytes).catch((error: unknown) => error)
  if (!(outcome instanceof BrokenAudio)) throw new Error(`expected BrokenAudio, got ${String(outcome)}`)
  return outcome
}

describe("the three recordings", () => {
  test.each([
    ["melody", 4, 16_000, ["music-like", "rhythmic", "tonal", "dark"]],
    ["speech", 4, 16_000, ["speech-like", "with-pauses"]],
    ["noise", 2, 22_050, ["sustained", "noisy", "bright"]]
  ] as const)("%s gets its length, sample rate and tags", async (name, seconds, sampleRate, tags) => {
    const features = await featuresOf(name)
    expect(features).toMatchObject({
      duration_seconds: seconds,
      sample_rate_hz: sampleRate,
      channels: 1
    })
    expect(tagNames(features)).toEqual(tags)
  })

  test("only the melody has a beat, at 120 BPM, in A", async () => {
    const melody = await featuresOf("melody")
    expect(Math.abs((melody.tempo_bpm ?? 0) - 120)).toBeLessThan(0.03 * 120)
    expect(melody.dominant_pitch_class).toBe("A")
    expect((await featuresOf("speech")).tempo_bpm).toBeNull()
    expect((await featuresOf("noise")).tempo_bpm).toBeNull()
  })

  test("their figures differ in the order that a listener hears", async () => {
    const [melody, speech, noise] = await Promise.all(NAMES.map(featuresOf))
    if (!melody || !speech || !noise) throw new Error("three recordings expected")
    for (const figure of ["spectral_flatness", "spectral_centroid_hz", "zero_crossing_rate"] as const) {
      expect(speech[figure]).toBeGreaterThan(1.3 * melody[figure])
      expect(noise[figure]).toBeGreaterThan(1.3 * speech[figure])
    }
    expect(speech.silence_ratio).toBeGreaterThan(melody.silence_ratio + 0.1)
    expect(speech.onsets_per_second).toBeGreaterThan(melody.onsets_per_second)
  })

  test("features survive JSON unchanged and hold finite numbers only", async () => {
    for (const name of NAMES) {
      const features = await featuresOf(name)
      expect(JSON.parse(JSON.stringify(features))).toEqual(features)
      expect([features.chroma.length, features.mfcc_mean.length, features.mfcc_deviation.length]).toEqual([12, 13, 13])
      for (const value of Object.values(features).flat()) {
        expect(value === null || typeof value === "string" || Number.isFinite(value)).toBe(true)
      }
    }
  })

  test("every reason quotes a measured figure, and the report carries all of it", async () => {
    for (const name of NAMES) {
      const features = await featuresOf(name)
      const tags = tagsOf(features)
      const embedding = embeddingOf(features)
      const report = reportOf(features, tags, embedding)
      for (const { because } of tags) {
        expect(because).toMatch(/\d/)
        expect(report.summary).toContain(because)
      }
      expect(report).toMatchObject({ features, embedding, tags: tags.map(({ tag }) => tag) })
      expect(report.summary).toContain(`${features.sample_rate_hz} Hz`)
    }
  })
})

describe("signals with known answers", () => {
  test.each([8_000, 16_000, 44_100, 48_000])(
    "a 440 Hz sine at %i Hz is an A with its centroid at 440 Hz",
    (sampleRate) => {
      const features = extractFeatures(sine(440, sampleRate))
      expect(features.spectral_centroid_hz).toBeGreaterThan(425)
      expect(features.spectral_centroid_hz).toBeLessThan(455)
      expect(features.dominant_pitch_class).toBe("A")
      expect(features.rms).toBeCloseTo(0.5 / Math.SQRT2, 2)
      expect(features.zero_crossing_rate).toBeCloseTo(880 / sampleRate, 2)
      expect(tagNames(features)).toEqual(["sustained", "tonal", "dark", "loud"])
    }
  )

  test.each([60, 90, 120, 140])("clicks at %i BPM have that tempo", (bpm) => {
    const clicks = signal(8, 16_000, (second) => {
      const sinceClick = second % (60 / bpm)
      return 0.8 * Math.exp(-60 * sinceClick) * Math.sin(2 * Math.PI * 900 * sinceClick)
    })
    expect(Math.abs((extractFeatures(clicks).tempo_bpm ?? 0) - bpm)).toBeLessThan(0.003 * bpm)
  })

  test("the result for one sample rate does not depend on what was analysed before", () => {
    const alone = extractFeatures(sine(440, 44_100))
    extractFeatures(sine(440, 8_000))
    expect(extractFeatures(sine(440, 44_100))).toEqual(alone)
  })

  test.each([
    ["silence", 0],
    ["a constant offset", 0.5]
  ] as const)("%s is silent, with a usable embedding", (_, level) => {
    const features = extractFeatures(signal(1, 16_000, () => level))
    expect(tagNames(features)).toEqual(["silent"])
    expect(Math.hypot(...embeddingOf(features))).toBeCloseTo(1, 5)
  })

  test("silence counts as silence, and does not dilute the other figures", () => {
    const tone = (second: number) => 0.5 * Math.sin(2 * Math.PI * 1_000 * second)
    const whole = extractFeatures(signal(2, 16_000, tone))
    const half = extractFeatures(signal(2, 16_000, (second) => (second < 1 ? tone(second) : 0)))
    expect(half.silence_ratio).toBeCloseTo(0.5, 1)
    expect(half.zero_crossing_rate).toBeCloseTo(whole.zero_crossing_rate, 2)
    expect(Math.abs(half.spectral_centroid_hz / whole.spectral_centroid_hz - 1)).toBeLessThan(0.1)
  })

  test("loudness does not change the timbre", async () => {
    const { samples, ...rest } = await decode(fileOf("speech"))
    const loud = extractFeatures({ ...rest, samples })
    const soft = extractFeatures({ ...rest, samples: samples.map((sample) => sample / 4) })
    soft.mfcc_mean.forEach((value, index) => {
      expect(Math.abs(value - (loud.mfcc_mean[index] ?? Number.NaN))).toBeLessThan(0.5)
    })
  })

  test("loudness changes the level tags only", async () => {
    const { samples, ...rest } = await decode(fileOf("noise"))
    const scaled = (gain: number) =>
      tagNames(extractFeatures({ ...rest, samples: samples.map((sample) => sample * gain) }))
    expect(scaled(1)).toEqual(["sustained", "noisy", "bright"])
    expect(scaled(0.1)).toEqual(["sustained", "noisy", "bright", "quiet"])
    expect(scaled(4)).toEqual(["sustained", "noisy", "bright", "loud", "clipped"])
  })
})

describe("embeddings", () => {
  test("have a fixed length and unit length", async () => {
    for (const name of NAMES) {
      const embedding = embeddingOf(await featuresOf(name))
      expect(embedding).toHaveLength(EMBEDDING_LENGTH)
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 5)
    }
  })

  test.each(NAMES)("%s is nearer to variations of itself than to the other recordings", async (name) => {
    const audio = await decode(fileOf(name))
    const own = embeddingOf(extractFeatures(audio))
    const others = await Promise.all(
      NAMES.filter((other) => other !== name).map(async (other) => embeddingOf(await featuresOf(other)))
    )
    let seed = 1
    const hiss = () => {
      seed = (seed * 16_807) % 2_147_483_647
      return 0.002 * ((2 * seed) / 2_147_483_647 - 1)
    }
    const variations = [
      audio.samples.map((sample) => sample / 2),
      audio.samples.map((sample) => sample + hiss()),
      audio.samples.slice(audio.samples.length / 2)
    ]
    for (const samples of variations) {
      const varied = await decode(encodeWav(samples, audio.sampleRate))
      const similarity = similarityOf(own, embeddingOf(extractFeatures(varied)))
      expect(similarity).toBeGreaterThan(0.9)
      for (const other of others) expect(similarity).toBeGreaterThan(similarityOf(own, other) + 0.3)
    }
  })
})

describe("decoding", () => {
  const tone = encodeWav(sine(440, 8_000).samples, 8_000)

  /** A copy of `tone` with some header bytes replaced. */
  const altered = (...changes: ReadonlyArray<readonly [at: number, bytes: readonly number[]]>): Uint8Array => {
    const copy = tone.slice()
    for (const [at, bytes] of changes) copy.set(bytes, at)
    return copy
  }

  const withChunkBeforeData = (id: string, body: readonly number[]): Uint8Array => {
    const chunk = [
      ...new TextEncoder().encode(id),
      body.length,
      0,
      0,
      0,
      ...body,
      ...(body.length % 2 === 1 ? [0] : [])
    ]
    return Uint8Array.from([...tone.subarray(0, 36), ...chunk, ...tone.subarray(36)])
  }

  test("returns the encoded samples, to 16 bits", async () => {
    const original = sine(440, 8_000).samples
    const { samples, ...rest } = await decode(tone)
    expect(rest).toEqual({ sampleRate: 8_000, channels: 1, durationSeconds: 1 })
    const worst = samples.reduce(
      (most, sample, index) => Math.max(most, Math.abs(sample - (original[index] ?? Number.NaN))),
      0
    )
    expect(worst).toBeLessThan(1 / 32_000)
  })

  test("averages two channels, and needs no alignment of the bytes", async () => {
    const left = 8_192
    const right = 24_576
    const stereo = altered([22, [2]], [28, [0x00, 0x7d, 0, 0]], [32, [4]])
    const view = new DataView(stereo.buffer)
    for (let at = 44; at < stereo.length; at += 4) {
      view.setInt16(at, left, true)
      view.setInt16(at + 2, right, true)
    }
    const shifted = new Uint8Array(stereo.length + 1)
    shifted.set(stereo, 1)
    const { samples, channels, durationSeconds } = await decode(shifted.subarray(1))
    expect([channels, durationSeconds, samples.length]).toEqual([2, 0.5, 4_000])
    expect(samples[1_234]).toBeCloseTo(0.5, 3)
  })

  test("skips chunks it does not need, odd-sized ones included", async () => {
    const plain = await decode(tone)
    expect(await decode(withChunkBeforeData("LIST", [1, 2, 3]))).toEqual(plain)
    expect(await decode(withChunkBeforeData("LIST", [1, 2, 3, 4]))).toEqual(plain)
  })

  const random = Uint8Array.from({ length: 4_096 }, (_, index) => (index * 7_919 + 104_729) % 251)
  const float = altered([20, [3]], [28, [0x00, 0x7d, 0, 0]], [32, [4]], [34, [32]])
  const notANumber = new Uint8Array(float.length)
  notANumber.set(float.subarray(0, 44))
  notANumber.set([0, 0, 0xc0, 0x7f], 44 + 400)
  const beyondAudio = new Uint8Array(float.length)
  beyondAudio.set(float.subarray(0, 44))
  new DataView(beyondAudio.buffer).setFloat32(44 + 800, -1e6, true)

  test.each<[string, Uint8Array, BrokenAudio["reason"], RegExp]>([
    ["an empty file", new Uint8Array(0), "not_wav", /empty \(0 bytes\)/],
    ["a text file", new TextEncoder().encode("Dear reader, this is no sound."), "not_wav", /found text "Dear reader,"/],
    ["random bytes", random, "not_wav", /found bytes [0-9a-f]{2}( [0-9a-f]{2}){11}$/],
    ["an Ogg file", new TextEncoder().encode("OggS\0\0\0\0\0\0\0\0\0\0"), "not_wav", /found bytes 4f 67 67 53/],
    ["another RIFF file", altered([8, [0x41, 0x56, 0x49, 0x20]]), "not_wav", /expected "RIFF\.\.\.\.WAVE"/],
    [
      "a file cut in the middle",
      tone.slice(0, 8_044),
      "truncated",
      /"data" chunk should hold 16000 bytes, .* only 8000/
    ],
    ["a file cut by one byte", tone.slice(0, -1), "truncated", /should hold 16000 bytes, .* only 15999/],
    ["a file cut in its header", tone.slice(0, 30), "truncated", /"fmt" chunk should hold 16 bytes/],
    ["a header alone", tone.slice(0, 36), "truncated", /ends after 36 bytes without any audio data/],
    [
      "a stream of unknown length",
      altered([40, [0xff, 0xff, 0xff, 0xff]]),
      "truncated",
      /should hold 4294967295 bytes/
    ],
    ["no samples", encodeWav(new Float32Array(0), 8_000), "empty", /zero samples/],
    [
      "a tenth of a second",
      encodeWav(new Float32Array(800), 8_000),
      "too_short",
      /0\.100 s of audio, at least 0\.25 s/
    ],
    ["eleven minutes", encodeWav(new Float32Array(8_000 * 660), 8_000), "too_long", /660 s of audio, at most 600 s/],
    ["compressed samples", altered([20, [0x11]]), "unsupported", /encoding 0x0011/],
    ["12-bit samples", altered([34, [12]]), "unsupported", /12-bit PCM/],
    ["no channels", altered([22, [0]]), "unsupported", /0 channels/],
    ["an absurd sample rate", altered([24, [1, 0, 0, 0]]), "unsupported", /sample rate of 1 Hz/],
    ["a header at odds with itself", altered([24, [0x80, 0x3e]]), "malformed", /contradict/],
    [
      "samples before their format",
      altered([12, [...new TextEncoder().encode("LIST")]]),
      "malformed",
      /before the format/
    ],
    [
      "a format chunk too short",
      Uint8Array.from([...tone.subarray(0, 16), 14, 0, 0, 0, ...tone.subarray(20, 34), ...tone.subarray(36)]),
      "malformed",
      /14 bytes, 16 are needed/
    ],
    ["half a sample at the end", altered([40, [0x7f, 0x3e]]), "malformed", /middle of a sample/],
    ["samples that are not numbers", notANumber, "malformed", /sample 100 is NaN/],
    ["samples far beyond full scale", beyondAudio, "malformed", /sample 200 is -1000000, full scale is 1/]
  ])("refuses %s", async (_, bytes, reason, message) => {
    const failure = await failureOf(bytes)
    expect(failure.reason).toBe(reason)
    expect(failure.message).toMatch(message)
    expect(failure.name).toBe("BrokenAudio")
  })

  test("refuses a file cut anywhere", async () => {
    for (const length of [0, 1, 4, 8, 11, 12, 20, 35, 43, 44, 45, 46, 1_000, tone.length - 2]) {
      expect((await failureOf(tone.slice(0, length))).message).toMatch(/not wav|truncated/)
    }
  })
})
