/** API keys that can be guessed: warned of at start, and served on this machine only. */
import * as Logger from "effect/Logger"
import * as fc from "fast-check"
import { afterEach, describe, expect, it } from "vitest"
import { ApiKeys } from "../../adapters/keys/index.ts"
import { NodeServer } from "../../adapters/node/index.ts"
import { Access, Levada } from "../../adapters/promise/index.ts"
import { Settings } from "../../adapters/settings/index.ts"
import { guide } from "../fixtures/pipelines.ts"

const grant = { role: "admin", pipelines: ["*"], permissions: ["read"] } as const
const closing: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const lines: Array<string> = []
const make = (access: Access.Access) => {
  lines.length = 0
  const levada = Levada.make({
    pipelines: [guide],
    access,
    telemetry: Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
  })
  closing.push(levada.close)
  return levada
}

describe("a key below 16 characters", () => {
  it("is warned of by the name of its setting, and never quoted", async () => {
    const keys = { "admin-key": grant, "viewer-key-that-is-long-enough": grant }
    make((await Settings.read({ LEVADA_API_KEYS: JSON.stringify(keys) })).access)
    const warned = lines.filter((line) => line.includes("LEVADA_API_KEYS"))
    expect(warned).toHaveLength(1)
    expect(warned[0]).toContain("9 characters")
    expect(lines.join()).not.toContain("admin-key")
    make(Access.secured({ authenticators: [ApiKeys.make(keys)] }))
    expect(lines.filter((line) => line.includes("apiKeys[0]"))).toHaveLength(1)
  })

  it("is served on this machine, and nowhere else", () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom("127.0.0.1", "localhost", "0.0.0.0", "::", "::1"),
        fc.integer({ min: 1, max: 20 }),
        async (host, length) => {
          const levada = make(Access.secured({ authenticators: [ApiKeys.make({ ["k".repeat(length)]: grant })] }))
          const served = NodeServer.serve(levada, { port: 0, host })
          const isRefused = length < 16 && (host === "0.0.0.0" || host === "::")
          if (isRefused) await expect(served).rejects.toMatchObject({ _tag: "InvalidOption", option: "host" })
          else await (await served).close()
        }
      ),
      { numRuns: 40 }
    ))

  it("is nothing that a hash tells", () => {
    make(Access.secured({ authenticators: [ApiKeys.make({ [ApiKeys.generate().hashed]: grant })] }))
    expect(lines.filter((line) => line.includes("characters"))).toEqual([])
  })
})
