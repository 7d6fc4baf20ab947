/** The API over Redis: the same contract as in memory, whichever server a client calls. */
import { afterAll, beforeAll, describe, inject } from "vitest"
import { eventOrderSuite } from "../conformance/http/EventOrderSuite.ts"
import { httpOverStore } from "../conformance/http/HttpConformance.ts"
import { manyReadersSuite } from "../conformance/http/ManyReadersSuite.ts"
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
    httpOverStore(server)
  })

  describe("two servers, on Node and on Bun", () => {
    const [one, two] = on("two", ["node", "node"], ["bun", "bun"]) as [Server, Server]
    describe("events of a run, started on one server and watched on the other", () => eventOrderSuite(one, two))
    describe("many readers", () => manyReadersSuite(one, two))
  })
})
