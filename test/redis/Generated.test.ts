import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { generated } from "../../adapters/redis/lua/generate.ts"

it("Parts.generated.ts matches the .lua files (after a change, run `npm run lua`)", () => {
  const kept = readFileSync(new URL("../../adapters/redis/lua/Parts.generated.ts", import.meta.url), "utf8")
  // Not by `toBe`, whose report would contain both texts.
  expect(kept === generated()).toBe(true)
})
