/** Access control over a Store on Redis; and Redis keeps no usable credentials. */
import { afterAll, beforeAll, describe, inject } from "vitest"
import { authorizationSuite } from "../conformance/http/AuthorizationSuite.ts"
import { stacksSuite } from "../conformance/http/StacksSuite.ts"
import { newName, type Server } from "../http/harness/Client.ts"
import { type Launched, launch } from "../http/harness/launch.ts"

const url = inject("redisUrl")

describe.skipIf(url === undefined)("node:http over Redis, secured", () => {
  const prefix = newName()
  let launched: Launched | undefined
  beforeAll(async () => {
    launched = await launch("node", "node", { ACCESS: "secured", STORE_URL: url!, STORE_PREFIX: prefix })
  })
  afterAll(() => launched?.close())

  const server: Server = {
    get url() {
      return launched!.url
    }
  }
  authorizationSuite(() => launched!, { url: url!, prefix })
  describe("stacks", () => stacksSuite(server, { isSecured: true, printed: () => launched!.printed() }))
})
