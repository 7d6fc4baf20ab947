/** Long upkeep delays no due work. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { expect, inject, test, vi } from "vitest"
import { Scripts } from "../../adapters/redis/connection/Scripts.ts"
import { Blobs } from "../../adapters/redis/runs/Blobs.ts"
import type { Mender } from "../../adapters/redis/upkeep/Mender.ts"
import { Upkeep } from "../../adapters/redis/upkeep/Upkeep.ts"
import { complete } from "../../core/store/StoreBounds.ts"
import { client, SOON } from "./Resources.ts"

const url = inject("redisUrl")

test.skipIf(url === undefined)("expired leases are handled while a check for lost work is still running", async () => {
  const scripts = new Scripts(client(url!), `{upkeep-${Date.now()}}:`)
  const ran: Array<string> = []
  const call = scripts.call.bind(scripts)
  scripts.call = (name, args) => {
    ran.push(name)
    return call(name, args)
  }
  let looks = 0
  // A check of runs that never ends.
  const mender = {
    check: () => {
      looks++
      return new Promise(() => undefined)
    }
  } as unknown as Mender
  const clock = Effect.runSync(Effect.service(Clock.Clock))
  const report = (message: string) => ran.push(message)
  const upkeep = new Upkeep(scripts, complete({}), new Blobs(undefined), mender, clock, report)

  await upkeep.tick()
  expect(ran[0]).toBe("tick")
  await vi.waitFor(() => expect(looks).toBe(1), SOON)
  await upkeep.tick()
  expect(ran.filter((name) => name === "tick")).toHaveLength(2)
  expect(looks).toBe(1)
})
