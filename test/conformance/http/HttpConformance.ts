/** What a client may rely on, whatever serves the API: one suite for every binding, which knows it by its URL alone. */
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest"
import { get, type Server } from "../../http/harness/Client.ts"
import { administrationSuite } from "./AdministrationSuite.ts"
import { clientSuite } from "./ClientSuite.ts"
import { connectionSuite } from "./ConnectionSuite.ts"
import { eventOrderSuite } from "./EventOrderSuite.ts"
import { executionSuite } from "./ExecutionSuite.ts"
import { manyReadersSuite } from "./ManyReadersSuite.ts"
import { metricsSuite } from "./MetricsSuite.ts"
import { misuseSuite } from "./MisuseSuite.ts"
import { openApiSuite } from "./OpenApiSuite.ts"
import { refusalSuite } from "./RefusalSuite.ts"
import { registrationSuite } from "./RegistrationSuite.ts"
import { runEventsSuite } from "./RunEventsSuite.ts"
import { runsSuite } from "./RunsSuite.ts"
import { schedulesSuite } from "./SchedulesSuite.ts"
import { shapesSuite } from "./ShapesSuite.ts"
import { noSocketsSuite, socketEventsSuite } from "./SocketEventsSuite.ts"
import { webPagesSuite } from "./WebPagesSuite.ts"

/** A server with the fixtures' pipelines and tasks. */
export interface Serving {
  /** With the base path that the API is mounted at, if any. */
  readonly url: string
  /** Rejects unless the server ends well. */
  readonly close: () => Promise<void>
}

/**
 * What Operations do, as a client sees it. The code is the same on every binding, so it runs on one of them over each Store;
 * `overTheWire` runs on all.
 */
const operations = (server: Server): void => {
  describe("managing", () => runsSuite(server))
  describe("administering", () => administrationSuite(server))
  describe("registering", () => registrationSuite(server))
  describe("scheduling", () => schedulesSuite(server))
}

/** What a binding makes of requests, replies, streams and sockets. */
const overTheWire = (server: Server, takesSockets: boolean): void => {
  describe("reading", () => shapesSuite(server))
  describe("executing", () => executionSuite(server))
  describe("measuring", () => metricsSuite(server))
  describe("eventing", () => runEventsSuite(server))
  describe("socketing", () => (takesSockets ? socketEventsSuite(server) : noSocketsSuite(server)))
  describe("the client", () => clientSuite(server))
}

/** What depends on the Store: the same over every one. */
export const httpOverStore = (server: Server): void => {
  operations(server)
  overTheWire(server, true)
}

/** How a binding is tested. */
interface Options {
  /** Whether it can make WebSockets. Default: true. */
  readonly takesSockets?: boolean
  /** Whether all that Operations do is tested on it. Default: false. */
  readonly hasOperations?: boolean
}

/** Declares the suite. `serve` is called once. */
export const httpConformance = (
  name: string,
  serve: () => Promise<Serving>,
  { takesSockets = true, hasOperations = false }: Options = {}
): void => {
  describe(name, () => {
    let serving: Serving | undefined
    const server: Server = {
      get url() {
        if (serving === undefined) throw new Error("The server does not listen yet")
        return serving.url
      }
    }
    beforeAll(async () => {
      serving = await serve()
    })
    afterAll(() => serving?.close())

    // Whatever a test did, the next client is served.
    afterEach(async () => {
      expect((await get(server, "/health")).status).toBe(200)
    })

    if (hasOperations) operations(server)
    overTheWire(server, takesSockets)
    describe("ordering", () => eventOrderSuite(server, server, takesSockets))
    describe("attending", () => manyReadersSuite(server, server, takesSockets))
    describe("refusing", () => refusalSuite(server))
    describe("connecting", () => connectionSuite(server))
    describe("enduring", () => misuseSuite(server))
    describe("documenting", () => openApiSuite(server))
    describe("web pages", () => webPagesSuite(server))
  })
}
