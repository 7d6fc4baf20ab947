/** Large texts, and the digests that are kept of them. */
import { createHash } from "node:crypto"
import { hash } from "./Random.ts"

/** The length of a large text, in bytes: its JSON is slightly below the 1 MiB limit of a value. */
export const LARGE_BYTES = 1_000_000

/** A text determined by its name and a seed, with two-byte characters in it. `bytes` is a multiple of 10. */
export const textOf = (name: string, seed: number, bytes: number = LARGE_BYTES): string =>
  `${hash(`${name}:${seed}`).toString(16).padStart(8, "0")}é`.repeat(bytes / 10)

/** A value with more characters is kept as its digest. */
const MAX_KEPT = 100_000

/** The part of a value's JSON that is kept after a trial: all of it, or the JSON of a digest if it is long. */
export const shortened = (json: string): string =>
  json.length <= MAX_KEPT ? json : JSON.stringify(createHash("sha1").update(json).digest("hex"))

/** The form in which `shortened` keeps a value. */
export const kept = (value: unknown): unknown => JSON.parse(shortened(JSON.stringify(value)))
