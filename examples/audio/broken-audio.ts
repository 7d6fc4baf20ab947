/** The kinds of defects a file can have; `unsupported` files may be fine elsewhere. */
export type BrokenAudioReason =
  | "not_wav"
  | "truncated"
  | "malformed"
  | "empty"
  | "unsupported"
  | "too_short"
  | "too_long"

/** Says why a file cannot be analysed: `reason` for programs, `message` for people. */
export class BrokenAudio extends Error {
  override readonly name = "BrokenAudio"
  readonly reason: BrokenAudioReason

  constructor(reason: BrokenAudioReason, detail: string) {
    super(`${reason.replaceAll("_", " ")}: ${detail}`)
    this.reason = reason
  }
}
