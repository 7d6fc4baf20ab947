/** The API over Redis: what clients may rely on is the same, and so is which server they ask. */
import { afterAll, beforeAll, describe, inject } from "vitest"
import { attending } from "../http/Attending.ts"
import type { Server } from "../http/Client.ts"
import { http } from "../http/HttpConformance.ts"
import { type Launched, launch, type Runtime } from "../http/launch.ts"
import { ordering } from "../http/Ordering.ts"

const url = inject("redisUrl")
const on = (runtime: Runtime, script: string, prefix: string): Promise<Launched> =>
  launch(runtime, script, { STORE_URL: url!, STORE_PREFIX: `serving-${process.pid}-${prefix}` })

describe.skipIf(url === undefined)("over Redis", () => {
  http("node:http", () => on("node", "node", "one"))

  describe("two servers, on Node and on Bun", () => {
    let servers: ReadonlyArray<Launched> = []
    beforeAll(async () => {
      servers = await Promise.all([on("node", "node", "two"), on("bun", "bun", "two")])
    })
    afterAll(() => Promise.all(servers.map((server) => server.close())))

    const at = (index: number): Server => ({
      get url() {
        return servers[index]!.url
      }
    })
    describe("what one is asked to run, and the other about", () => ordering(at(0), at(1)))
    describe("many readers", () => attending(at(0), at(1)))
  })
})
