/**
 * Audio analysis over a real WAV file: `extract -> tag, embed -> report`.
 * Run it: `node examples/audio/pipeline.ts examples/audio/melody.wav`
 */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import { Progress } from "../../adapters/progress/index.ts"
import { Access, Levada, Pipeline, Task } from "../../adapters/promise/index.ts"
import { decode, embeddingOf, extractFeatures, PITCH_CLASSES, reportOf, type TagName, tagsOf } from "./analysis.ts"

/** The folder of the files that `file` names. */
const FOLDER = process.env["AUDIO_DIR"] ?? import.meta.dirname

const Numbers = Schema.mutable(Schema.Array(Schema.Number))
const Features = Schema.Struct({
  duration_seconds: Schema.Number,
  sample_rate_hz: Schema.Number,
  channels: Schema.Number,
  rms: Schema.Number,
  peak: Schema.Number,
  silence_ratio: Schema.Number,
  zero_crossing_rate: Schema.Number,
  zero_crossing_spread: Schema.Number,
  spectral_centroid_hz: Schema.Number,
  spectral_rolloff_hz: Schema.Number,
  spectral_flatness: Schema.Number,
  onsets_per_second: Schema.Number,
  tempo_bpm: Schema.NullOr(Schema.Number),
  beat_strength: Schema.Number,
  dominant_pitch_class: Schema.NullOr(Schema.Literals(PITCH_CLASSES)),
  chroma: Numbers,
  mfcc_mean: Numbers,
  mfcc_deviation: Numbers
})
const Tags = Schema.Array(Schema.Struct({ tag: Schema.String, because: Schema.String }))

// A name and not a path: a caller over HTTP must not read the rest of the disk.
const FileName = Schema.String.check(
  Schema.isPattern(/^[\w-][\w. -]*\.wav$/i, { message: "Expected the name of a .wav file in the audio folder" })
)

const extract = Task.make("extract", {
  description: "Decodes a WAV file and measures it",
  input: { file: FileName },
  output: { features: Features },
  run: async ({ file }, { signal }) => {
    const bytes = await readFile(join(FOLDER, file), { signal }).catch((error: NodeJS.ErrnoException) => {
      throw error.code === "ENOENT" ? new Error(`there is no '${file}' in the audio folder`) : error
    })
    return { features: extractFeatures(await decode(bytes)) }
  }
})

const tag = Task.make("tag", {
  description: "Names what it sounds like, and why",
  input: { features: Features },
  output: { tags: Tags },
  run: ({ features }) => ({ tags: tagsOf(features) })
})

const embed = Task.make("embed", {
  description: "Places it among other sounds: similar ones point the same way",
  input: { features: Features },
  output: { embedding: Numbers },
  run: ({ features }) => ({ embedding: embeddingOf(features) })
})

const report = Task.make("report", {
  description: "Puts the findings into words",
  input: { features: Features, tags: Tags, embedding: Numbers },
  output: {
    report: Schema.Struct({
      summary: Schema.String,
      tags: Schema.Array(Schema.String),
      embedding: Schema.Array(Schema.Number)
    })
  },
  run: ({ features, tags, embedding }) => {
    const { summary, tags: names } = reportOf(
      features,
      tags.map(({ tag, because }) => ({ tag: tag as TagName, because })),
      embedding
    )
    return { report: { summary, tags: names, embedding } }
  }
})

export const audioAnalysis = Pipeline.make("audio_analysis", [extract, tag, embed, report])

if (import.meta.main) {
  const file = process.argv[2]?.split(/[\\/]/).at(-1) ?? "melody.wav"
  const levada = Levada.make({ pipelines: [audioAnalysis], access: Access.open })
  try {
    const runId = await levada.start(audioAnalysis, { file })
    await Progress.show(levada, runId)
    const { summary } = await levada.result(audioAnalysis, runId)
    console.log(summary)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
  await levada.close()
}
