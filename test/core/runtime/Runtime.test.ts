import { describe, expect, it } from "vitest"

/** Recognises a runtime by a global that only it has: Bun and Deno both have `process` and claim to be Node. */
const runtime = (): string => {
  if ("Bun" in globalThis) return "bun"
  if ("Deno" in globalThis) return "deno"
  return "node"
}

describe("the suite", () => {
  it("runs in the runtime that it was started for", () => {
    expect(runtime()).toBe(process.env["TEST_RUNTIME"])
  })
})
