import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { http } from "../conformance/http/HttpConformance.ts"
import { type Launched, launch } from "./harness/launch.ts"

http("the fetch handler under a base path", () => launch("bun", "fetch"), { takesSockets: false })

describe("beside the base path", () => {
  let launched: Launched
  beforeAll(async () => {
    launched = await launch("bun", "fetch")
  })
  afterAll(() => launched?.close())

  test("everything is the host program's", async () => {
    expect(new URL(launched.url).pathname).toBe("/flows")
    const { origin } = new URL(launched.url)
    for (const path of ["/pipelines", "/api/v1/pipelines", "/flowspipelines", "/health", "/flows2/health"]) {
      const response = await fetch(origin + path)
      expect(response.headers.get("x-own"), path).toBe("yes")
    }
    expect((await fetch(`${origin}/flows/pipelines`)).status).toBe(200)
  })
})
