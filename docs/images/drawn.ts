/** The pipelines that the pictures show, by the name of the picture. `npm start` serves them. */
import type { Pipeline } from "../../core/index.ts"
import { audioAnalysis } from "../../examples/audio/pipeline.ts"
import { wordCount } from "../../examples/promise-style.ts"

export const drawn: Readonly<Record<string, Pipeline.Any>> = { audio_analysis: audioAnalysis, word_count: wordCount }
