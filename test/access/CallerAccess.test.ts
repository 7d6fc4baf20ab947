/** What a caller is told about itself is exactly what the guard decides. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { afterAll, expect, test } from "vitest"
import { ApiKeys } from "../../adapters/keys/index.ts"
import {
  Access,
  type Acl,
  Errors,
  Guard,
  Levada,
  Pipeline,
  Principal,
  Store,
  Task
} from "../../adapters/promise/index.ts"
import * as CallerAccess from "../../core/operations/CallerAccess.ts"
import { Registry } from "../../core/registry/Registry.ts"
import { asking, enter, type Overrides } from "../core/harness/Replacing.ts"
import { visitor, withGuard } from "./GuardHarness.ts"
import { keyOf, send, servePrincipals } from "./PrincipalServer.ts"

const { PERMISSIONS } = Principal

const task = Task.make("say", { input: {}, output: { said: Schema.String }, run: () => ({ said: "x" }) })
const IDS = ["p", "pq", "q", 'we"ird/ id', "7"]
const pipelines = IDS.map((id) => Pipeline.make(id, [task]))

const names = fc.array(fc.constantFrom("admin", "viewer", "principal:Test:ada", "principal:Test:bob"), { maxLength: 2 })
const acls = fc.uniqueArray(
  fc.tuple(fc.constantFrom(...IDS), fc.record({ read: names, execute: names, admin: names }, { requiredKeys: [] })),
  { selector: ([id]) => id }
)
const grant: fc.Arbitrary<Principal.Grant> = fc.record({
  pipelines: fc.array(fc.constantFrom("*", "p", "p*", "*q", "we*"), { maxLength: 2 }),
  permissions: fc.subarray([...PERMISSIONS])
})
const principal: fc.Arbitrary<Principal.Principal> = fc.record(
  {
    id: fc.constantFrom("ada", "bob"),
    roles: fc.array(fc.constantFrom("admin", "viewer", "principal:Test:ada"), { maxLength: 2 }),
    grants: fc.array(grant, { maxLength: 2 }),
    narrowed: fc.record(
      { pipelineId: fc.constantFrom(...IDS), runId: fc.constantFrom("r", "s") },
      { requiredKeys: ["pipelineId"] }
    ),
    expiresAtMillis: fc.constantFrom(1, 1e12, 1e300, Number.POSITIVE_INFINITY)
  },
  { requiredKeys: ["id", "roles"] }
)

test("each listed permission is one that the guard gives, and each other one is refused", () =>
  fc.assert(
    fc.asyncProperty(
      principal,
      fc.dictionary(fc.constantFrom("admin", "viewer"), grant),
      acls,
      acls,
      async (who, roles, configured, set) => {
        const access = Access.secured({
          authenticators: [{ scheme: "Test", authenticate: () => who }],
          roles,
          acls: Object.fromEntries<Acl.Acl>(configured)
        })
        await withGuard(
          access,
          (guard) =>
            Effect.gen(function* () {
              const registry = yield* Registry
              for (const [id, acl] of set) yield* guard.acls!.put(id, acl as Acl.Acl)
              const caller = yield* guard.enter(visitor(), "read")
              const found = yield* CallerAccess.make(registry, guard)(caller)
              expect(found.isTruncated).toBe(false)
              expect(found.principal).toBe(caller.principal)
              for (const permission of PERMISSIONS) {
                expect(found.permissions.includes(permission)).toBe(guard.may(caller, { permission, isOfAll: true }))
                for (const pipelineId of IDS) {
                  const listed = found.pipelines.get(pipelineId)
                  const may = guard.may(caller, { permission, pipelineId })
                  const isAllowed = (yield* Effect.result(guard.check(caller, { permission, pipelineId })))._tag
                  expect(isAllowed).toBe(may ? "Success" : "Failure")
                  if (listed !== undefined) expect(listed.includes(permission)).toBe(may)
                  // Only pipelines that the caller may read are listed.
                  else if (permission === "read") expect(may).toBe(false)
                }
              }
            }),
          undefined,
          pipelines
        )
      }
    ),
    { numRuns: 300 }
  ))

/** The failure of the operation, with these services. */
const tagOf = (overrides: Overrides): Effect.Effect<string, unknown> =>
  asking(overrides, (operations) =>
    Effect.match(Effect.flatMap(enter(operations), operations.me), {
      onSuccess: () => "told",
      onFailure: ({ _tag }) => _tag
    })
  ).pipe(Effect.provide(Logger.layer([])))

test("while the ACLs are unknown, a caller is told nothing", () => {
  const unknown: Store.Acls = {
    list: Effect.fail(new Errors.StoreUnavailable("down")),
    put: () => Effect.void,
    remove: () => Effect.void,
    changed: Effect.never
  }
  return expect(Effect.runPromise(tagOf(Layer.succeed(Store.Acls, unknown)))).resolves.toBe("StoreUnavailable")
})

test("a guard of the program decides as for any reading", async () => {
  const refused = new Errors.AccessDenied({ id: "ada", roles: [] }, "read", undefined)
  const own: Guard.Guard = {
    enter: (of) => Effect.succeed({ principal: { id: "ada", roles: [] }, origin: of }),
    check: (_, { permission }) => (permission === "read" ? Effect.fail(refused) : Effect.void),
    may: () => false,
    seesAll: () => false,
    acls: undefined,
    strangers: () => [],
    tokens: undefined
  }
  expect(await Effect.runPromise(tagOf(Layer.succeed(Guard.Guard, own)))).toBe("AccessDenied")
})

const all = PERMISSIONS
const server = servePrincipals(
  {
    owner: { pipelines: ["*"], permissions: all },
    reader: { pipelines: ["p*"], permissions: ["read"] },
    executor: { pipelines: ["*"], permissions: ["execute"] },
    nobody: { pipelines: ["absent"], permissions: ["admin"] }
  },
  {
    pipelines,
    access: {
      acls: { pq: { read: ["owner"], execute: ["owner"], admin: ["owner"] } },
      limits: { read: "1000/minute" }
    }
  }
)
afterAll(() => server[Symbol.asyncDispose]())

const every = Object.fromEntries(IDS.map((id) => [id, all]))

test.each([
  ["owner", all, every],
  ["reader", [], { p: ["read"] }],
  ["executor", ["execute"], {}],
  ["nobody", [], {}]
] as const)("GET /me tells the %s its permissions, and no secret", async (name, permissions, own) => {
  const { status, text, json, headers } = await server.as(name, "GET", "/me")
  expect(status).toBe(200)
  expect(json).toEqual({
    principal: { id: `ApiKey:${name}`, scheme: "ApiKey", roles: [name] },
    is_secured: true,
    expires_at: null,
    permissions: [...permissions],
    pipelines: own,
    truncated: false,
    narrowed_to: null
  })
  expect(text).not.toContain(keyOf(name))
  // Counted and recorded like reading, also for callers that may read nothing.
  expect(headers.get("ratelimit")).toContain("read")
  const { records } = (await server.as("owner", "GET", `/audit?principal=ApiKey:${name}`)).json
  expect(records).toContainEqual(
    expect.objectContaining({ operation: "GET /me", permission: "read", outcome: "allowed" })
  )
})

test("GET /me needs valid credentials", async () => {
  for (const headers of [{}, { "x-api-key": "an unknown key of the tests" }, { authorization: "Bearer x.y.z" }]) {
    const refused = await send(server.levada, "GET", "/pipelines", { headers })
    const { status, json } = await send(server.levada, "GET", "/me", { headers })
    expect([status, json.error]).toEqual([refused.status, refused.json.error])
    expect([401, 403]).toContain(status)
  }
  // A token in the query is for streams only.
  const { token } = (await server.as("owner", "POST", "/tokens", { json: { pipeline_id: "p" } })).json
  expect((await send(server.levada, "GET", `/me?token=${token}`)).status).toBe(401)
})

test("GET /me tells the holder of a narrowed token what the token is for", async () => {
  const run = (await server.as("owner", "POST", "/pipelines/p/execute", { json: { wait: true } })).json.task_id
  const ask = async (wish: object, by = "owner") => {
    const { token, expires_at } = (await server.as(by, "POST", "/tokens", { json: wish })).json
    const { json, text } = await send(server.levada, "GET", "/me", { headers: { authorization: `Bearer ${token}` } })
    expect(text).not.toContain(token)
    expect(json.expires_at).toBe(expires_at)
    return json
  }
  expect(await ask({ pipeline_id: "p" })).toMatchObject({
    principal: { id: "ApiKey:owner", scheme: "ApiKey", roles: ["owner"] },
    permissions: [],
    pipelines: { p: ["read"] },
    narrowed_to: { pipeline_id: "p", task_id: null }
  })
  // A token for one run does not read the pipeline.
  expect(await ask({ task_id: run }, "reader")).toMatchObject({
    permissions: [],
    pipelines: {},
    narrowed_to: { pipeline_id: "p", task_id: run }
  })
})

test("GET /me follows the ACLs that are set", async () => {
  const own = async () => (await server.as("executor", "GET", "/me")).json.pipelines
  expect(await own()).toEqual({})
  await server.as("owner", "PUT", "/pipelines/p/acl", { json: { read: ["reader"], execute: ["executor"] } })
  // An ACL gives no permission beyond the grants, so that the executor still reads nothing.
  expect(await own()).toEqual({})
  // Only pipelines that the caller may read are listed; without `admin` in the ACL, its grants let the owner repair it.
  expect(Object.keys((await server.as("owner", "GET", "/me")).json.pipelines)).not.toContain("p")
  await server.as("owner", "DELETE", "/pipelines/p/acl")
  expect((await server.as("owner", "GET", "/me")).json.pipelines).toEqual(every)
})

test.each([
  ["2100-01-31T00:00:00Z", "2100-01-31T00:00:00.000Z"],
  [undefined, null]
] as const)("GET /me tells when the credentials expire: %s", async (expires, told) => {
  const key = "a-key-that-expires-some-time"
  const levada = Levada.make({
    pipelines: [pipelines[0]!] as const,
    access: Access.secured({
      authenticators: [ApiKeys.make({ [key]: { role: "owner", pipelines: ["*"], permissions: all, expires } })]
    })
  })
  const { json, text } = await send(levada, "GET", "/me", { headers: { "x-api-key": key } })
  expect(json.expires_at).toBe(told)
  // The id of a key without one has eight digits of its hash.
  expect(json.principal.id).toMatch(/^ApiKey:key-[0-9a-f]{8}$/)
  expect(text).not.toContain(key)
  await levada.close()
})

test.each([1e300, 8.64e15 + 1, Number.POSITIVE_INFINITY])(
  "credentials may expire at %d, which is no instant",
  async (at) => {
    const levada = Levada.make({
      pipelines: [pipelines[0]!] as const,
      access: Access.secured({
        authenticators: [
          { scheme: "Own", authenticate: () => ({ id: 'a":</script>', roles: ["\u2028"], expiresAtMillis: at }) }
        ]
      })
    })
    const { status, json } = await send(levada, "GET", "/me")
    expect([status, json.expires_at, json.principal]).toEqual([
      200,
      null,
      { id: 'Own:a":</script>', scheme: "Own", roles: ["\u2028"] }
    ])
    await levada.close()
  }
)

test("with open access there is no principal, and everything is allowed; of many pipelines, 1,000 are listed", async () => {
  const many = Array.from({ length: 1_001 }, (_, at) => Pipeline.make(`p${at}`, [task]))
  for (const count of [1_000, 1_001]) {
    const levada = Levada.make({ pipelines: many.slice(0, count), access: Access.open } as unknown as Levada.Options<
      readonly []
    >)
    const { status, json } = await send(levada, "GET", "/me", { headers: { "x-api-key": "of no meaning" } })
    expect([status, json.principal, json.is_secured, json.expires_at, json.narrowed_to]).toEqual([
      200,
      null,
      false,
      null,
      null
    ])
    expect(json.permissions).toEqual(all)
    expect(Object.keys(json.pipelines)).toHaveLength(1_000)
    expect([json.pipelines.p0, json.truncated]).toEqual([all, count > 1_000])
    await levada.close()
  }
})
