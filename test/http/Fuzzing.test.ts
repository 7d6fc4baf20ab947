/** What the OpenAPI document says is what each server does, as schemathesis sees it, for some seconds; `npm run fuzz` goes on. */
import { describe, expect, test } from "vitest"
import { fuzz, install } from "./harness/Schemathesis.ts"

/** How long each server is asked, in seconds, besides the phase that tries the bounds of each value once. */
const SECONDS = 8

const missing = install()
if (missing !== undefined) console.warn(missing)
// In CI it has to be there.
const fuzzed = test.skipIf(missing !== undefined && process.env["CI"] === undefined)

describe("schemathesis finds nothing", () => {
  fuzzed.for(["node", "bun", "deno"] as const)("on %s", { timeout: 60_000 }, async (runtime) => {
    const { isFine, report } = await fuzz(runtime, SECONDS)
    expect(isFine, report).toBe(true)
  })
})
