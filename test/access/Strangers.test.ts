/** Strangers in great number: they use up neither the limits of known principals nor the audit log. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ApiKeys } from "../../adapters/keys/index.ts"
import { Access } from "../../adapters/promise/index.ts"
import { MAX_STRANGERS } from "../../core/access/Strangers.ts"
import { Store } from "../../core/store/Store.ts"
import { guarded, visitor } from "./Asking.ts"

const keys = ApiKeys.make({
  "ada-key-of-the-tests": { role: "a", id: "ada", pipelines: ["*"], permissions: ["read", "execute", "admin"] }
})
const ADA = { apiKey: "ada-key-of-the-tests" }

const tagOf = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>): Effect.Effect<string> =>
  Effect.match(effect, { onSuccess: () => "allowed", onFailure: ({ _tag }) => _tag })

describe("a limit on those who prove nothing", () => {
  it("is there unless it is set, by address, and is none of the known", () =>
    guarded(Access.secured({ authenticators: [keys], limitsByAddress: { execute: "2/minute" } }), (guard) =>
      Effect.gen(function* () {
        const enter = (shown: object) => tagOf(guard.enter(visitor(shown), "read"))
        const answers: Array<string> = []
        for (let count = 0; count < 101; count++) answers.push(yield* enter({ apiKey: "wrong" }))
        expect(answers).toEqual([...Array.from({ length: 100 }, () => "UnknownApiKey"), "RateLimited"])
        // Nor by showing nothing, or something else.
        expect(yield* enter({})).toBe("RateLimited")
        expect(yield* enter({ bearer: "wrong" })).toBe("RateLimited")
        expect(yield* enter(ADA)).toBe("allowed")
        expect(yield* enter({ apiKey: "wrong", address: "192.0.2.2" })).toBe("UnknownApiKey")
        yield* TestClock.adjust("1 minutes")
        expect(yield* enter({ apiKey: "wrong" })).toBe("UnknownApiKey")
      })
    ))

  it("leaves known ones behind the same address what they may do", () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 30 }), (isKnown) =>
        guarded(
          Access.secured({
            authenticators: [keys],
            limitsByAddress: { read: "5/minute" },
            failuresByAddress: "3/minute"
          }),
          (guard) =>
            Effect.gen(function* () {
              const counts = { known: 0, strangers: 0 }
              for (const known of isKnown) {
                const answer = yield* tagOf(guard.enter(visitor(known ? ADA : { apiKey: "wrong" }), "read"))
                if (known) expect(answer).toBe(counts.known++ < 5 ? "allowed" : "RateLimited")
                else expect(answer).toBe(counts.strangers++ < 5 ? "UnknownApiKey" : "RateLimited")
              }
            })
        )
      )
    ))

  it("is refused where it is no rate", () => {
    expect(() => Access.secured({ authenticators: [keys], failuresByAddress: "often" })).toThrow("failuresByAddress")
  })
})

describe("the audit log", () => {
  it("keeps no denial of a stranger; these are counted by address, within bounds", () =>
    guarded(Access.secured({ authenticators: [keys] }), (guard) =>
      Effect.gen(function* () {
        const { audit } = yield* Store
        const caller = yield* guard.enter(visitor(ADA), "read")
        yield* guard.check(caller, { permission: "read" })
        for (let number = 0; number < 3_000; number++) {
          const address = `10.0.${Math.floor(number / 250)}.${number % 250}`
          yield* tagOf(guard.enter(visitor({ apiKey: "wrong", address }), "read"))
        }
        yield* tagOf(guard.enter(visitor({ address: "10.0.11.249" }), "read"))
        const { records } = yield* audit.list({ limit: 10 })
        expect(records).toMatchObject([{ outcome: "allowed", principal: "ApiKey:ada" }])
        expect(guard.strangers()).toHaveLength(MAX_STRANGERS)
        expect(guard.strangers()[0]).toMatchObject({ address: "10.0.11.249", denied: 2, reason: "Unauthenticated" })
        expect(guard.strangers()[1]).toMatchObject({ address: "10.0.11.248", denied: 1, reason: "UnknownApiKey" })
      })
    ))

  it("has their number in one line of the log, every ten seconds at most", async () => {
    const lines: Array<string> = []
    await guarded(Access.secured({ authenticators: [keys] }), (guard) =>
      Effect.gen(function* () {
        const knock = tagOf(guard.enter(visitor({ apiKey: "wrong" }), "read"))
        yield* Effect.repeat(knock, { times: 999 })
        yield* TestClock.adjust("10 seconds")
        yield* knock
      }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])))
    )
    expect(lines).toHaveLength(2)
    expect(lines[1]).toContain("audit: 1000 denied")
    expect(lines[1]).toContain("192.0.2.1")
  })
})
