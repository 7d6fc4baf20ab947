/** What a client may rely on, whatever serves the API: one suite for every binding, which knows it by its URL alone. */
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest"
import { administering } from "./Administering.ts"
import { asking } from "./Asking.ts"
import { attending } from "./Attending.ts"
import { get, type Server } from "./Client.ts"
import { connecting } from "./Connecting.ts"
import { documenting } from "./Documenting.ts"
import { enduring } from "./Enduring.ts"
import { eventing } from "./Eventing.ts"
import { executing } from "./Executing.ts"
import { managing } from "./Managing.ts"
import { measuring } from "./Measuring.ts"
import { ordering } from "./Ordering.ts"
import { reading } from "./Reading.ts"
import { refusing } from "./Refusing.ts"
import { registering } from "./Registering.ts"
import { scheduling } from "./Scheduling.ts"
import { noSockets, socketing } from "./Socketing.ts"
import { webPages } from "./WebPages.ts"

/** A server with the fixtures' pipelines and tasks. */
export interface Serving {
  /** With the base path that the API is mounted at, if any. */
  readonly url: string
  /** Rejects unless the server ends well. */
  readonly close: () => Promise<void>
}

/** What has to do with the Store: the same over every one. */
export const overStores = (server: Server, takesSockets = true): void => {
  describe("reading", () => reading(server))
  describe("executing", () => executing(server))
  describe("eventing", () => eventing(server))
  describe("socketing", () => (takesSockets ? socketing(server) : noSockets(server)))
  describe("managing", () => managing(server))
  describe("administering", () => administering(server))
  describe("registering", () => registering(server))
  describe("scheduling", () => scheduling(server))
  describe("measuring", () => measuring(server))
  describe("the client", () => asking(server))
}

/** Declares the suite. `serve` is called once. `takesSockets`: whether the server can make WebSockets. */
export const http = (name: string, serve: () => Promise<Serving>, takesSockets = true): void => {
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

    overStores(server, takesSockets)
    describe("ordering", () => ordering(server, server, takesSockets))
    describe("attending", () => attending(server, server, takesSockets))
    describe("refusing", () => refusing(server))
    describe("connecting", () => connecting(server))
    describe("enduring", () => enduring(server))
    describe("documenting", () => documenting(server))
    describe("web pages", () => webPages(server))
  })
}
