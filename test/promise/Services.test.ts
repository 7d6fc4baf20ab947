/** Services that a program of Promises replaces: clients of the HTTP API see each of them at work. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { afterEach, describe, expect, it } from "vitest"
import { ApiKeys, Tokens } from "../../adapters/keys/index.ts"
import {
  Access,
  type Acl,
  Authorizer,
  Errors,
  Guard,
  Levada,
  Pipeline,
  Principal,
  Registry,
  type Services,
  Store,
  Task
} from "../../adapters/promise/index.ts"
import { Testing } from "../../adapters/testing/index.ts"
import { type ReadAnswer, send } from "../access/PrincipalServer.ts"
import { classed } from "../core/harness/Classed.ts"

const N = Schema.Number
const double = Task.make("double", { input: { n: N }, output: { m: N }, run: ({ n }) => ({ m: 2 * n }) })
const pipeline = Pipeline.make("p", [double])
const other = Pipeline.make("other", [double])

const KEY = "a-key-of-the-tests"
const access = Access.secured({
  authenticators: [
    ApiKeys.make({ [KEY]: { id: "ada", role: "admin", pipelines: ["*"], permissions: Principal.PERMISSIONS } })
  ],
  limits: { read: "100/minute" },
  tokens: Tokens.make()
})

const closing: Array<Levada.Levada> = []
afterEach(async () => {
  for (const levada of closing.splice(0)) await levada.close()
})

type Ask = (method: string, path: string, json?: unknown, headers?: Record<string, string>) => Promise<ReadAnswer>

/** Serves with these services in the place of Levada's; gives how a client with a key asks. */
const served = <Own extends Services.Replaceable>(
  overrides: Layer.Layer<Own, unknown, Store.Store>,
  choice: Access.Access = access
): Ask => {
  const levada = Levada.make({ pipelines: [pipeline], access: choice, overrides, telemetry: Logger.layer([]) })
  closing.push(levada)
  return (method, path, json, headers = { "x-api-key": KEY }) =>
    send(levada, method, path, { ...(json !== undefined && { json }), headers })
}

const guard: Guard.Guard = {
  enter: (visitor) => Effect.succeed({ principal: { id: "eve", roles: [] }, origin: visitor }),
  check: ({ principal }, { permission, pipelineId }) =>
    pipelineId === "p" ? Effect.fail(new Errors.AccessDenied(principal, permission, pipelineId)) : Effect.void,
  may: (_, { pipelineId }) => pipelineId !== "p",
  seesAll: () => false,
  acls: undefined,
  strangers: () => [],
  tokens: undefined
}

describe("Levada.make asks a service that is replaced", () => {
  it("RateLimiter", async () => {
    const own: Store.RateLimiter = {
      take: () => Effect.succeed({ isAllowed: false, remaining: 0, resetMillis: 42_000 })
    }
    const { status, headers } = await served(Layer.succeed(Store.RateLimiter, classed(own)))("GET", "/pipelines/p")
    expect([status, headers.get("retry-after")]).toEqual([429, "42"])
  })

  it("AuditLog", async () => {
    const record = { id: "7", atMillis: 0, operation: "mine", permission: "read", outcome: "allowed" } as const
    const seen: Array<string> = []
    const own: Store.AuditLog = {
      append: ({ operation }) => Effect.sync(() => void seen.push(operation)),
      list: () => Effect.succeed({ records: [record], nextCursor: undefined })
    }
    const ask = served(Layer.succeed(Store.AuditLog, classed(own)))
    const { status, text } = await ask("GET", "/audit")
    expect([status, text.includes('"mine"')]).toEqual([200, true])
    expect(seen).toEqual(["GET /audit"])
  })

  it("Acls", async () => {
    const kept = new Map<string, Acl.Acl>([["p", { read: ["nobody"], admin: ["admin"] }]])
    const own: Store.Acls = {
      list: Effect.sync(() => new Map(kept)),
      put: (pipelineId, acl) => Effect.sync(() => void kept.set(pipelineId, acl)),
      remove: (pipelineId) => Effect.sync(() => void kept.delete(pipelineId)),
      changed: Effect.never
    }
    const ask = served(Layer.succeed(Store.Acls, classed(own)))
    expect((await ask("GET", "/pipelines/p")).status).toBe(403)
    expect((await ask("PUT", "/pipelines/p/acl", { read: ["admin"], admin: ["admin"] })).status).toBe(200)
    expect((await ask("GET", "/pipelines/p")).status).toBe(200)
    expect(kept.get("p")).toEqual({ read: ["admin"], admin: ["admin"] })
  })

  it("Tokens", async () => {
    const kept = new Map<string, Principal.Principal>()
    const own: Store.Tokens = {
      put: (digest, principal) => Effect.sync(() => void kept.set(digest, principal)),
      get: (digest) => Effect.sync(() => kept.get(digest))
    }
    const ask = served(Layer.succeed(Store.Tokens, classed(own)))
    const { json } = await ask("POST", "/tokens", { pipeline_id: "p" })
    const shown = { authorization: `Bearer ${json.token}` }
    expect((await ask("GET", "/pipelines/p", undefined, shown)).status).toBe(200)
    kept.clear()
    expect((await ask("GET", "/pipelines/p", undefined, shown)).status).toBe(401)
  })

  it("Authorizer", async () => {
    const own: Authorizer.Authorizer = {
      isReady: true,
      may: (_, permission) => permission === "admin",
      hides: () => false,
      seesAll: () => false,
      acl: () => ({ acl: { read: ["mine"] }, isOwn: true }),
      put: () => Effect.void,
      remove: () => Effect.void
    }
    const ask = served(Layer.succeed(Authorizer.Authorizer, classed(own)))
    expect((await ask("GET", "/pipelines/p")).status).toBe(403)
    expect((await ask("GET", "/pipelines/p/acl")).text).toContain('"mine"')
  })

  it("Guard", async () => {
    for (const choice of [access, Access.open]) {
      const ask = served(Layer.succeed(Guard.Guard, classed(guard)), choice)
      expect((await ask("GET", "/pipelines/p", undefined, {})).status).toBe(403)
      expect((await ask("GET", "/pipelines", undefined, {})).json).toEqual([])
    }
  })

  it("Registry", async () => {
    const theirs = Registry.layer({ pipelines: [other] })
    const wrapped = Layer.effect(
      Registry.Registry,
      Effect.map(Registry.Registry, (registry) => classed(registry))
    ).pipe(Layer.provide(theirs))
    const ask = served(wrapped, Access.open)
    expect((await ask("GET", "/pipelines/p")).status).toBe(404)
    expect((await ask("POST", "/pipelines/other/execute", { parameters: { n: 4 }, wait: true })).json).toMatchObject({
      result: 8
    })
  })

  it("also under test", async () => {
    const testing = await Testing.make({
      pipelines: [pipeline],
      overrides: Layer.succeed(Guard.Guard, classed(guard))
    })
    await expect(testing.run(pipeline, { n: 1 })).rejects.toMatchObject({ _tag: "AccessDenied" })
    await testing.close()
  })
})

describe("a service that fails answers 503 or 500, and never what was asked for", () => {
  const failing = (): never => {
    throw new Error("the secret")
  }
  const unready: Authorizer.Authorizer = {
    isReady: true,
    may: failing,
    hides: failing,
    seesAll: failing,
    acl: failing,
    put: failing,
    remove: failing
  }
  it.each<[string, Layer.Layer<never>, number]>([
    ["RateLimiter", Layer.succeed(Store.RateLimiter, { take: failing }), 503],
    ["AuditLog", Layer.succeed(Store.AuditLog, { append: failing, list: failing }), 503],
    [
      "Acls",
      Layer.succeed(Store.Acls, { list: Effect.die("x"), put: failing, remove: failing, changed: Effect.never }),
      503
    ],
    ["Authorizer", Layer.succeed(Authorizer.Authorizer, unready), 500],
    ["Guard", Layer.succeed(Guard.Guard, { ...guard, enter: failing }), 503],
    ["Guard.check", Layer.succeed(Guard.Guard, { ...guard, check: failing }), 503],
    [
      "Registry",
      Layer.effect(
        Registry.Registry,
        Effect.map(Registry.Registry, (registry) => ({ ...registry, find: failing }))
      ).pipe(
        Layer.provide(Layer.orDie(Registry.layer({ pipelines: [] }))),
        Layer.provide(Store.layerMemory()),
        Layer.orDie
      ),
      500
    ]
  ])("%s", async (_, overrides, expected) => {
    const { status, text } = await served(overrides)("GET", "/pipelines/p")
    expect(status).toBe(expected)
    expect(text).not.toContain("the secret")
  })
})

it("Levada.make throws at once what is wrong with overrides", () => {
  const make = () => Levada.make({ pipelines: [pipeline], access, overrides: { take: () => Effect.void } as never })
  expect(make).toThrow("overrides")
})

it("Levada.make throws why an override can't be built", () => {
  const overrides = Layer.effect(Store.AuditLog, Effect.fail(new Error("no database")))
  expect(() => Levada.make({ pipelines: [pipeline], access, overrides })).toThrow("no database")
})
