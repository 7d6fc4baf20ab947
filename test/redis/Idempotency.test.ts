/** Idempotency keys that expire, and then name another run. */
import * as fc from "fast-check"
import { expect, inject, test } from "vitest"
import { doubling } from "./Gate.ts"
import { client, levada } from "./Resources.ts"

const url = inject("redisUrl")

const step = fc.record({
  what: fc.constantFrom("start", "start", "expire", "remove"),
  key: fc.constantFrom("k", "l"),
  at: fc.nat({ max: 5 })
})

test.skipIf(url === undefined)(
  "a removed run frees its idempotency key, unless the key already names another run",
  async () => {
    const store = { url: url!, prefix: `idempotency-${process.pid}` }
    const redis = client(url!)
    const made = levada([doubling], store)
    const steps = fc.array(step, { minLength: 3, maxLength: 10 })
    const expires = [{ what: "start" }, { what: "expire" }, { what: "start" }, { what: "remove" }, { what: "start" }]
    let count = 0
    await fc.assert(
      fc.asyncProperty(steps, async (acts) => {
        const prefix = count++
        const named = new Map<string, string>()
        const runs: Array<{ readonly id: string; readonly key: string }> = []
        for (const { what, key: name, at } of acts) {
          const key = `${prefix}${name}`
          if (what === "start") {
            const id = await made.start(doubling, { n: 1 }, { idempotencyKey: key })
            if (named.has(key)) expect(id).toBe(named.get(key))
            else {
              expect(runs.map((run) => run.id)).not.toContain(id)
              named.set(key, id)
              runs.push({ id, key })
            }
          } else if (what === "expire") {
            await redis.del(`{${store.prefix}}:key:doubling\n${key}`)
            named.delete(key)
          } else if (runs.length > 0) {
            const [run] = runs.splice(at % runs.length, 1)
            await made.result(doubling, run!.id)
            await made.remove(run!.id)
            if (named.get(run!.key) === run!.id) named.delete(run!.key)
          }
        }
      }),
      { numRuns: 20, examples: [[expires.map(({ what }) => ({ what, key: "k", at: 0 }))]] }
    )
  }
)
