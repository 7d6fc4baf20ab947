import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { httpConformance } from "../conformance/http/HttpConformance.ts"
import { type Launched, launch } from "./harness/launch.ts"

httpConformance("the fetch handler under a base path", () => launch("bun", "fetch"), { takesSockets: false })

describe("outside the base path", () => {
  let launched: Launched
  beforeAll(async () => {
    launched = await launch("bun", "fetch")
  })
  afterAll(() => launched?.close())

  test("every path belongs to the host program", async () => {
    expect(new URL(launched.url).pathname).toBe("/flows")
    const { origin } = new URL(launched.url)
    for (const path of ["/pipelines", "/api/v1/pipelines", "/flowspipelines", "/health", "/flows2/health"]) {
      const response = await fetch(origin + path)
      expect(response.headers.get("x-own"), path).toBe("yes")
    }
    expect((await fetch(`${origin}/flows/pipelines`)).status).toBe(200)
  })
})
