/** Suites for a secured server on any binding: one process with a Levada for each access configuration. */
import { afterAll, beforeAll, describe } from "vitest"
import type { Choice } from "../../fixtures/access.ts"
import type { Server } from "../../http/harness/Client.ts"
import { type Launched, launch, type Runtime } from "../../http/harness/launch.ts"
import { attackSuite } from "./AttackSuite.ts"
import { authorizationSuite } from "./AuthorizationSuite.ts"
import { corsSuite } from "./CorsSuite.ts"
import { listenersAccessSuite } from "./ListenersSuite.ts"
import { proxiesSuite } from "./ProxiesSuite.ts"
import { socketAuthSuite } from "./SocketAuthSuite.ts"
import { stacksSuite } from "./StacksSuite.ts"

const ACCESS: ReadonlyArray<Choice> = ["secured", "limited", "forwarded", "strict", "exposed"]

/** Declares the suites for `servers/<script>.ts` on a runtime. */
export const securedSuite = (name: string, runtime: Runtime, script: string): void => {
  describe(`${name}, secured`, () => {
    let launched: Launched | undefined
    beforeAll(async () => {
      launched = await launch(runtime, script, { ACCESS: ACCESS.join(",") })
    })
    afterAll(() => launched?.close())

    const at = (choice: Choice): Server => ({
      get url() {
        return launched!.urls[ACCESS.indexOf(choice)]!
      }
    })
    const others = { limited: at("limited"), forwarded: at("forwarded"), strict: at("strict"), exposed: at("exposed") }

    describe("authorization", () => authorizationSuite(() => launched!))
    describe("WebSocket authentication", () => socketAuthSuite(at("secured"), others))
    describe("listeners", () => listenersAccessSuite(at("secured")))
    describe("stacks", () => stacksSuite(at("secured"), { isSecured: true, printed: () => launched!.printed() }))
    describe("attacks", () => attackSuite(at("secured"), () => launched!.printed()))
    describe("proxies", () => proxiesSuite(others))
    describe("CORS", () => corsSuite(at("secured"), others))
  })
}
