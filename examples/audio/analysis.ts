// All exports of the analysis: decode, then extractFeatures, then tagsOf and embeddingOf in parallel, then reportOf.
export { BrokenAudio, type BrokenAudioReason } from "./broken-audio.ts"
export { decode, type Recording } from "./decode.ts"
export { EMBEDDING_LENGTH, embeddingOf, similarityOf } from "./embedding.ts"
export { extractFeatures, type Features, PITCH_CLASSES } from "./features.ts"
export { type AudioReport, reportOf } from "./report.ts"
export { type Tag, type TagName, tagsOf } from "./tags.ts"
