import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { generated } from "../../adapters/redis/lua/generate.ts"

it("the module of the scripts is what its .lua files make: after a change, run `npm run lua`", () => {
  const kept = readFileSync(new URL("../../adapters/redis/lua/Parts.generated.ts", import.meta.url), "utf8")
  // Not by `toBe`, whose report would hold both.
  expect(kept === generated()).toBe(true)
})
