/** What a client may rely on, whatever serves the API: one suite for every binding, which knows it by its URL alone. */
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest"
import { get, type Server } from "../../http/harness/Client.ts"
import { administering } from "./AdministrationSuite.ts"
import { asking } from "./ClientSuite.ts"
import { connecting } from "./ConnectionSuite.ts"
import { ordering } from "./EventOrderSuite.ts"
import { executing } from "./ExecutionSuite.ts"
import { attending } from "./ManyReadersSuite.ts"
import { measuring } from "./MetricsSuite.ts"
import { enduring } from "./MisuseSuite.ts"
import { documenting } from "./OpenApiSuite.ts"
import { refusing } from "./RefusalSuite.ts"
import { registering } from "./RegistrationSuite.ts"
import { eventing } from "./RunEventsSuite.ts"
import { managing } from "./RunsSuite.ts"
import { scheduling } from "./SchedulesSuite.ts"
import { reading } from "./ShapesSuite.ts"
import { noSockets, socketing } from "./SocketEventsSuite.ts"
import { webPages } from "./WebPagesSuite.ts"

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
  describe("managing", () => managing(server))
  describe("administering", () => administering(server))
  describe("registering", () => registering(server))
  describe("scheduling", () => scheduling(server))
}

/** What a binding makes of requests, replies, streams and sockets. */
const overTheWire = (server: Server, takesSockets: boolean): void => {
  describe("reading", () => reading(server))
  describe("executing", () => executing(server))
  describe("measuring", () => measuring(server))
  describe("eventing", () => eventing(server))
  describe("socketing", () => (takesSockets ? socketing(server) : noSockets(server)))
  describe("the client", () => asking(server))
}

/** What depends on the Store: the same over every one. */
export const overStores = (server: Server): void => {
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
export const http = (
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
    describe("ordering", () => ordering(server, server, takesSockets))
    describe("attending", () => attending(server, server, takesSockets))
    describe("refusing", () => refusing(server))
    describe("connecting", () => connecting(server))
    describe("enduring", () => enduring(server))
    describe("documenting", () => documenting(server))
    describe("web pages", () => webPages(server))
  })
}
