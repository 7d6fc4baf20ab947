/** SHA-256 against the runtime's own. */
import { createHash } from "node:crypto"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Pipeline, Task, Version } from "../../../adapters/promise/index.ts"
import { sha256 } from "../../../core/values/Digest.ts"
import { cases } from "../../cases.ts"

const theirs = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex")

describe("sha256", () => {
  it("of every length around the borders of blocks", () => {
    for (let length = 0; length <= 260; length++) {
      for (const letter of ["a", "é", "€", "😀"]) {
        const text = letter.repeat(Math.floor(length / letter.length)).padEnd(length, "x")
        expect(sha256(text)).toBe(theirs(text))
      }
    }
  })

  it("of random texts, halves of surrogate pairs included", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 200 })
    )
    fc.assert(
      fc.property(text, (text) => {
        expect(sha256(text)).toBe(theirs(text))
      }),
      { numRuns: cases(1_000) }
    )
  })

  it("of a text of several megabytes", () => {
    const text = "0123456789 ä€😀".repeat(200_000)
    expect(sha256(text)).toBe(theirs(text))
  })
})

it("a pipeline's version is 16 digits of it; other digests have all 64", () => {
  const task = Task.make("t", { output: { n: Schema.Number }, run: () => ({ n: 1 }) })
  expect(Pipeline.make("p", [task]).version).toMatch(/^[0-9a-f]{16}$/)
  expect(Version.digest("p")).toBe(theirs("p"))
})
