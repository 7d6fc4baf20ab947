import { describe, expect, it } from "vitest"

/** By what only that runtime has: Bun and Deno both have a `process`, and say that they are some Node. */
const runtime = (): string => {
  if ("Bun" in globalThis) return "bun"
  if ("Deno" in globalThis) return "deno"
  return "node"
}

describe("the suite", () => {
  it("runs inside the runtime that it was started for", () => {
    expect(runtime()).toBe(process.env["TEST_RUNTIME"])
  })
})
