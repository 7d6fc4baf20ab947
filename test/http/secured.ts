/** What holds of a server that is secured, whatever serves it: one process with a Levada for each choice of access. */
import { afterAll, beforeAll, describe } from "vitest"
import type { Choice } from "../fixtures/access.ts"
import { attacking } from "./Attacking.ts"
import type { Server } from "./Client.ts"
import { crossing } from "./Crossing.ts"
import { knocking } from "./Knocking.ts"
import { type Launched, launch, type Runtime } from "./launch.ts"
import { proxying } from "./Proxying.ts"
import { securing } from "./Securing.ts"

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
