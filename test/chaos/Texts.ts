/** Large texts, and what is kept of them to compare. */
import { createHash } from "node:crypto"
import { hash } from "./Random.ts"

/** How long a large text is, in bytes: its JSON is a little below the 1 MiB that a value may have. */
export const LARGE_BYTES = 1_000_000

/** A text that its name and a seed decide, with two-byte characters in it. `bytes` is a multiple of 10. */
export const textOf = (name: string, seed: number, bytes: number = LARGE_BYTES): string =>
  `${hash(`${name}:${seed}`).toString(16).padStart(8, "0")}é`.repeat(bytes / 10)

/** From how many characters on a value is kept as its digest. */
const MAX_KEPT = 100_000

/** What is kept of a value's JSON after a trial: all of it, or the JSON of a digest where that is long. */
export const shortened = (json: string): string =>
  json.length <= MAX_KEPT ? json : JSON.stringify(createHash("sha1").update(json).digest("hex"))

/** What `shortened` keeps of a value. */
export const kept = (value: unknown): unknown => JSON.parse(shortened(JSON.stringify(value)))
