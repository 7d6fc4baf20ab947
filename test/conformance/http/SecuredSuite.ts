/** What holds of a server that is secured, whatever serves it: one process with a Levada for each choice of access. */
import { afterAll, beforeAll, describe } from "vitest"
import type { Choice } from "../../fixtures/access.ts"
import type { Server } from "../../http/harness/Client.ts"
import { type Launched, launch, type Runtime } from "../../http/harness/launch.ts"
import { attacking } from "./AttackSuite.ts"
import { securing } from "./AuthorizationSuite.ts"
import { crossing } from "./CorsSuite.ts"
import { proxying } from "./ProxiesSuite.ts"
import { knocking } from "./SocketAuthSuite.ts"

const ACCESS: ReadonlyArray<Choice> = ["secured", "limited", "forwarded", "strict", "exposed"]

/** Declares the suites for `servers/<script>.ts` on a runtime. */
export const secured = (name: string, runtime: Runtime, script: string): void => {
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

    describe("securing", () => securing(() => launched!))
    describe("knocking", () => knocking(at("secured"), others))
    describe("attacking", () => attacking(at("secured"), () => launched!.printed()))
    describe("proxying", () => proxying(others))
    describe("crossing", () => crossing(at("secured"), others))
  })
}
