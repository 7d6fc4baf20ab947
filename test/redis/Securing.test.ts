/** Who may do what, over a Store on Redis; and that Redis keeps nothing that would let anybody in. */
import { afterAll, beforeAll, describe, inject } from "vitest"
import { securing } from "../conformance/http/AuthorizationSuite.ts"
import { unused } from "../http/harness/Client.ts"
import { type Launched, launch } from "../http/harness/launch.ts"

const url = inject("redisUrl")

describe.skipIf(url === undefined)("node:http over Redis, secured", () => {
  const prefix = unused()
  let launched: Launched | undefined
  beforeAll(async () => {
    launched = await launch("node", "node", { ACCESS: "secured", STORE_URL: url!, STORE_PREFIX: prefix })
  })
  afterAll(() => launched?.close())

  securing(() => launched!, { url: url!, prefix })
})
