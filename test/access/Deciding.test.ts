/** Who may do what: grants, roles, ACLs and narrowed tokens against what their descriptions say. */
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Access, type Acl, Principal } from "../../adapters/promise/index.ts"
import { guarded, visitor } from "./Asking.ts"

const { PERMISSIONS } = Principal
type Grant = Principal.Grant

describe("a pattern", () => {
  it("stands for what a regular expression with `.*` for each `*` would", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "*", ".", "_"), maxLength: 8 })
    fc.assert(
      fc.property(letters, fc.string({ unit: fc.constantFrom("a", "b", ".", "_"), maxLength: 10 }), (pattern, id) => {
        const parts = pattern.split("*").map((part) => part.replaceAll(".", "\\."))
        expect(Principal.fits(pattern, id)).toBe(new RegExp(`^${parts.join(".*")}$`).test(id))
      }),
      { numRuns: 2_000 }
    )
  })

  it("costs no more than its length times that of the id", () => {
    expect(Principal.fits("*a".repeat(50), `${"a".repeat(200)}b`)).toBe(false)
  })
})

const ids = fc.constantFrom("p", "pq", "q")
const roleNames = fc.constantFrom("admin", "viewer", "principal:Test:ada")
const grant: fc.Arbitrary<Grant> = fc.record({
  pipelines: fc.array(fc.constantFrom("*", "p", "p*", "q"), { maxLength: 2 }),
  permissions: fc.subarray([...PERMISSIONS])
})
const named = fc.array(fc.constantFrom("admin", "viewer", "principal:Test:ada", "principal:Test:bob"), { maxLength: 2 })
const acl = fc.record({ read: named, execute: named, admin: named }, { requiredKeys: [] })
const principal = fc.record(
  {
    id: fc.constantFrom("ada", "bob"),
    roles: fc.array(roleNames, { maxLength: 2 }),
    grants: fc.array(grant, { maxLength: 2 }),
    narrowed: fc.record({ pipelineId: ids, runId: fc.constantFrom("r", "s") }, { requiredKeys: ["pipelineId"] })
  },
  { requiredKeys: ["id", "roles"] }
)

/** The same in other words. */
const model = (
  who: Principal.Principal,
  roles: Readonly<Record<string, Grant>>,
  acls: Readonly<Record<string, Acl.Acl>>,
  permission: Principal.Permission,
  id: string,
  runId: string
): boolean => {
  const { narrowed } = who
  if (narrowed !== undefined) {
    const isOther = narrowed.pipelineId !== id || (narrowed.runId ?? runId) !== runId
    if (permission !== "read" || isOther) return false
  }
  const ofRoles = who.roles.filter((role) => role in roles).map((role) => roles[role]!)
  const grants = who.grants ?? (ofRoles.length === 0 ? undefined : ofRoles)
  const isGranted = grants?.some(
    ({ pipelines, permissions }) =>
      permissions.includes(permission) &&
      pipelines.some((pattern) => pattern === "*" || pattern === id || (pattern === "p*" && id[0] === "p"))
  )
  if (isGranted === false) return false
  const list = acls[id]?.[permission]
  if (id in acls && (list !== undefined || permission !== "admin")) {
    const plain = who.roles.filter((role) => !role.startsWith("principal:"))
    return [...plain, `principal:${who.id}`].some((name) => list?.includes(name))
  }
  return isGranted === true
}

describe("the guard decides", () => {
  it("as grants, roles, ACLs and narrowed tokens say, for one pipeline and for any", () =>
    fc.assert(
      fc.asyncProperty(
        principal,
        fc.dictionary(fc.constantFrom("admin", "viewer"), grant),
        fc.dictionary(ids, acl),
        async (who, roles, acls) => {
          const access = Access.secured({
            authenticators: [{ scheme: "Test", authenticate: () => who as Principal.Principal }],
            roles,
            acls: acls as Readonly<Record<string, Acl.Acl>>
          })
          await guarded(access, (guard) =>
            Effect.gen(function* () {
              const caller = yield* guard.enter(visitor(), "read")
              for (const permission of PERMISSIONS) {
                const expected = new Map<string, boolean>()
                for (const pipelineId of ["p", "pq", "q", "other"]) {
                  for (const runId of ["r", "s"]) {
                    const wish = { permission, pipelineId, runId }
                    const is = model(
                      caller.principal,
                      roles,
                      acls as Readonly<Record<string, Acl.Acl>>,
                      permission,
                      pipelineId,
                      runId
                    )
                    expected.set(`${pipelineId} ${runId}`, is)
                    expect(guard.may(caller, wish)).toBe(is)
                    const checked = yield* Effect.result(guard.check(caller, wish))
                    expect(checked._tag).toBe(is ? "Success" : "Failure")
                  }
                }
                // Whoever may do it with one of them, may with any.
                if ([...expected.values()].includes(true)) expect(guard.may(caller, { permission })).toBe(true)
                // Whoever is over all of them may do it with every one that has no ACL.
                if (guard.may(caller, { permission, isOfAll: true })) expect(expected.get("other r")).toBe(true)
              }
            })
          )
        }
      ),
      { numRuns: 300 }
    ))
})
