/** What a client may rely on with any server: one suite for every binding, which knows only its URL. */
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest"
import { get, type Server } from "../../http/harness/Client.ts"
import { administrationSuite } from "./AdministrationSuite.ts"
import { bulkSuite } from "./BulkSuite.ts"
import { clientSuite } from "./ClientSuite.ts"
import { connectionSuite } from "./ConnectionSuite.ts"
import { eventOrderSuite } from "./EventOrderSuite.ts"
import { executionSuite } from "./ExecutionSuite.ts"
import { listenersSuite } from "./ListenersSuite.ts"
import { manyReadersSuite } from "./ManyReadersSuite.ts"
import { metricsSuite } from "./MetricsSuite.ts"
import { misuseSuite } from "./MisuseSuite.ts"
import { openApiSuite } from "./OpenApiSuite.ts"
import { pagesSuite } from "./PagesSuite.ts"
import { picturesSuite } from "./PicturesSuite.ts"
import { refusalSuite } from "./RefusalSuite.ts"
import { registrationSuite } from "./RegistrationSuite.ts"
import { runEventsSuite } from "./RunEventsSuite.ts"
import { runPartsSuite } from "./RunPartsSuite.ts"
import { runsSuite } from "./RunsSuite.ts"
import { schedulesSuite } from "./SchedulesSuite.ts"
import { shapesSuite } from "./ShapesSuite.ts"
import { noSocketsSuite, socketEventsSuite } from "./SocketEventsSuite.ts"
import { stacksSuite } from "./StacksSuite.ts"
import { transferSuite } from "./TransferSuite.ts"
import { webPagesSuite } from "./WebPagesSuite.ts"
import { workersSuite } from "./WorkersSuite.ts"

/** A server with the fixtures' pipelines and tasks. */
export interface Serving {
  /** Includes the base path that the API is mounted at, if any. */
  readonly url: string
  /** Rejects if the server does not end cleanly. */
  readonly close: () => Promise<void>
}

/**
 * The behaviour of Operations, as a client sees it. Its code is the same on every binding, so it is tested on one
 * binding over each Store; `overTheWire` runs on all.
 */
const operations = (server: Server): void => {
  describe("runs", () => runsSuite(server))
  describe("many runs", () => bulkSuite(server))
  describe("workers", () => workersSuite(server))
  describe("administration", () => administrationSuite(server))
  describe("registration", () => registrationSuite(server))
  describe("schedules", () => schedulesSuite(server))
}

/** How a binding handles requests, replies, streams and sockets. */
const overTheWire = (server: Server, takesSockets: boolean): void => {
  describe("shapes", () => shapesSuite(server))
  describe("execution", () => executionSuite(server))
  describe("pictures", () => picturesSuite(server))
  describe("metrics", () => metricsSuite(server))
  describe("run events", () => runEventsSuite(server))
  describe("parts of runs", () => runPartsSuite(server, takesSockets))
  describe("stacks", () => stacksSuite(server, { takesSockets }))
  describe("WebSocket events", () => (takesSockets ? socketEventsSuite(server) : noSocketsSuite(server)))
  describe("listeners", () => listenersSuite(server, takesSockets))
  describe("client", () => clientSuite(server))
}

/** Behaviour that depends on the Store, the same over every one. */
export const httpOverStore = (server: Server): void => {
  operations(server)
  overTheWire(server, true)
}

/** Options of a binding's test. */
interface Options {
  /** Whether the binding supports WebSockets. Default: true. */
  readonly takesSockets?: boolean
  /** Whether all behaviour of Operations is tested on it. Default: false. */
  readonly hasOperations?: boolean
}

/** Declares the suite. Calls `serve` once. */
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

    // After all tests, the server still answers.
    afterEach(async () => {
      expect((await get(server, "/health")).status).toBe(200)
    })

    if (hasOperations) operations(server)
    overTheWire(server, takesSockets)
    describe("event order", () => eventOrderSuite(server, server, takesSockets))
    describe("many readers", () => manyReadersSuite(server, server, takesSockets))
    describe("refusals", () => refusalSuite(server))
    describe("connections", () => connectionSuite(server))
    describe("misuse", () => misuseSuite(server))
    describe("OpenAPI", () => openApiSuite(server))
    describe("pages", () => pagesSuite(server))
    describe("transfer", () => transferSuite(server))
    describe("web pages", () => webPagesSuite(server))
  })
}
