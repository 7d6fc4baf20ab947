/** What holds of a server that is secured, whatever serves it: one process with a Levada for each choice of access. */
import { afterAll, beforeAll, describe } from "vitest"
import { type Launched, launch, type Runtime } from "./launch.ts"
import { securing } from "./Securing.ts"

const ACCESS = ["secured"]

/** Declares the suite for `servers/<script>.ts` on a runtime. */
export const secured = (name: string, runtime: Runtime, script: string): void => {
  describe(`${name}, secured`, () => {
    let launched: Launched | undefined
    beforeAll(async () => {
      launched = await launch(runtime, script, { ACCESS: ACCESS.join(",") })
    })
    afterAll(() => launched?.close())
    describe("securing", () => securing(() => launched!))
  })
}
