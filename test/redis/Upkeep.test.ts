/** What takes long holds up nothing that others wait for. */
import { expect, inject, test, vi } from "vitest"
import { Scripts } from "../../adapters/redis/connection/Scripts.ts"
import { Blobs } from "../../adapters/redis/runs/Blobs.ts"
import type { Mender } from "../../adapters/redis/upkeep/Mender.ts"
import { Upkeep } from "../../adapters/redis/upkeep/Upkeep.ts"
import { complete } from "../../core/store/StoreBounds.ts"
import { client, SOON } from "./Opening.ts"

const url = inject("redisUrl")

test.skipIf(url === undefined)(
  "ended leases are looked at while runs are still looked through for lost work",
  async () => {
    const scripts = new Scripts(client(url!), `{upkeep-${Date.now()}}:`)
    const ran: Array<string> = []
    const call = scripts.call.bind(scripts)
    scripts.call = (name, args) => {
      ran.push(name)
      return call(name, args)
    }
    let looks = 0
    // A look through runs that never ends.
    const mender = {
      look: () => {
        looks++
        return new Promise(() => undefined)
      }
    } as unknown as Mender
    const upkeep = new Upkeep(scripts, complete({}), new Blobs(undefined), mender, (message) => ran.push(message))

    await upkeep.tick()
    expect(ran[0]).toBe("tick")
    await vi.waitFor(() => expect(looks).toBe(1), SOON)
    await upkeep.tick()
    expect(ran.filter((name) => name === "tick")).toHaveLength(2)
    expect(looks).toBe(1)
  }
)
