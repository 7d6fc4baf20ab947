/** The API over Redis: what clients may rely on is the same, and so is which server they ask. */
import { afterAll, beforeAll, describe, inject } from "vitest"
import { ordering } from "../conformance/http/EventOrderSuite.ts"
import { overStores } from "../conformance/http/HttpConformance.ts"
import { attending } from "../conformance/http/ManyReadersSuite.ts"
import type { Server } from "../http/harness/Client.ts"
import { type Launched, launch, type Runtime } from "../http/harness/launch.ts"

const url = inject("redisUrl")

/** Servers on one Redis for as long as the suite takes. */
const on = (prefix: string, ...which: ReadonlyArray<readonly [Runtime, script: string]>): ReadonlyArray<Server> => {
  let servers: ReadonlyArray<Launched> = []
  const environment = { STORE_URL: url!, STORE_PREFIX: `serving-${process.pid}-${prefix}` }
  beforeAll(async () => {
    servers = await Promise.all(which.map(([runtime, script]) => launch(runtime, script, environment)))
  })
  afterAll(() => Promise.all(servers.map((server) => server.close())))
  return which.map((_, index) => ({
    get url() {
      return servers[index]!.url
    }
  }))
}

describe.skipIf(url === undefined)("over Redis", () => {
  describe("one server", () => {
    const [server] = on("one", ["node", "node"]) as [Server]
    overStores(server)
  })

  describe("two servers, on Node and on Bun", () => {
    const [one, two] = on("two", ["node", "node"], ["bun", "bun"]) as [Server, Server]
    describe("what one is asked to run, and the other about", () => ordering(one, two))
    describe("many readers", () => attending(one, two))
  })
})
