/** Two principals are one only where scheme and id are the same. */
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { describe, expect, it, test } from "vitest"
import { Access, type Authenticator } from "../../adapters/promise/index.ts"
import * as Acl from "../../core/values/Acl.ts"
import { guarded, visitor } from "./Asking.ts"

const id = fc.string({ unit: fc.constantFrom("a", ":", "B", "/"), minLength: 1, maxLength: 4 })
const scheme = fc.constantFrom("ApiKey", "Bearer", "B", "a")

const authenticators: ReadonlyArray<Authenticator> = ["ApiKey", "Bearer", "B", "a"].map((name) => ({
  scheme: name,
  authenticate: ({ header }) => {
    const [shown, ...rest] = (header("x") ?? "").split(" ")
    return shown === name ? { id: rest.join(" "), roles: ["one"] } : undefined
  }
}))

describe("a principal", () => {
  it("is named by an ACL, and counted, with its scheme", () =>
    fc.assert(
      fc.asyncProperty(scheme, id, scheme, id, async (scheme, id, otherScheme, otherId) => {
        const access = Access.secured({
          authenticators,
          acls: { p: { read: [`principal:${scheme}:${id}`] } },
          limits: { read: "1/minute" }
        })
        const isSame = scheme === otherScheme && id === otherId
        await guarded(access, (guard) =>
          Effect.gen(function* () {
            const enter = (name: string, of: string) =>
              guard.enter(visitor({ header: () => `${name} ${of}` }), "execute")
            const wish = { permission: "read", pipelineId: "p" } as const
            const first = yield* enter(scheme, id)
            const second = yield* enter(otherScheme, otherId)
            expect([guard.may(first, wish), guard.may(second, wish)]).toEqual([true, isSame])
            expect(first.principal.id === second.principal.id).toBe(isSame)
          })
        )
      }),
      { numRuns: 200 }
    ))
})

test.each(["principal:ada", "principal:", "principal::ada", "principal:ApiKey:"])("an ACL may not say '%s'", (name) => {
  expect(() => Access.secured({ authenticators: [...authenticators], acls: { p: { read: [name] } } })).toThrow(
    "<scheme>"
  )
  expect(Acl.problems({ read: [name] })).toHaveLength(1)
})

test("a scheme has no colon, which parts it from an id", () => {
  expect(() => Access.secured({ authenticators: [{ scheme: "A:b", authenticate: () => undefined }] })).toThrow("scheme")
})
