/** Every binding, secured. */
import { afterAll, beforeAll, describe } from "vitest"
import { type Launched, launch, type Runtime } from "./launch.ts"
import { securing } from "./Securing.ts"

describe.each([
  ["node:http", "node", "node"],
  ["Bun.serve", "bun", "bun"],
  ["Deno.serve", "deno", "deno"],
  ["Elysia on Bun", "bun", "elysia"],
  ["Elysia on Node", "node", "elysia"],
  ["Elysia on Deno", "deno", "elysia"],
  ["the fetch handler under a base path", "bun", "fetch"]
] as const satisfies ReadonlyArray<readonly [string, Runtime, string]>)("%s", (_, runtime, script) => {
  let launched: Launched
  beforeAll(async () => {
    launched = await launch(runtime, script, { SECURED: "1" })
  })
  afterAll(() => launched?.close())
  securing({
    get url() {
      return launched.url
    }
  })
})
