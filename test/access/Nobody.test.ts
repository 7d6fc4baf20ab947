/** Whoever calls a route for everybody without credentials is a caller that can do nothing. */
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import { Access, Principal } from "../../adapters/promise/index.ts"
import { guarded } from "./Asking.ts"

const wish = fc.record(
  {
    permission: fc.constantFrom(...Principal.PERMISSIONS),
    pipelineId: fc.constantFrom("p", "*", "nobody"),
    runId: fc.constantFrom("r"),
    isOfAll: fc.boolean()
  },
  { requiredKeys: ["permission"] }
)
const secured = Access.secured({
  authenticators: [{ scheme: "Test", authenticate: () => undefined }],
  roles: { nobody: { pipelines: ["*"], permissions: ["read"] } },
  acls: { p: { read: ["nobody", "principal:Test:nobody"], execute: [], admin: [] } }
})

it.each([Access.open, secured])("may do nothing: $_tag", (access) =>
  fc.assert(
    fc.asyncProperty(wish, (asked) =>
      guarded(access, (guard) =>
        Effect.gen(function* () {
          expect(guard.may(Principal.nobody, asked)).toBe(false)
          expect(yield* Effect.flip(guard.check(Principal.nobody, asked))).toMatchObject({ _tag: "AccessDenied" })
        })
      )
    ),
    { numRuns: 50 }
  )
)
