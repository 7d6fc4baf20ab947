/** The guard: its one order, and that whatever breaks lets nobody in. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ApiKeys, Tokens } from "../../adapters/keys/index.ts"
import { Access, type Authenticator, Errors, Principal, Store } from "../../adapters/promise/index.ts"
import { guarded, hear, visitor } from "./Asking.ts"

const ALL = { pipelines: ["*"], permissions: Principal.PERMISSIONS } as const
const keys = ApiKeys.make({ "the key": { role: "admin", id: "ada", ...ALL }, other: { role: "b", id: "bob", ...ALL } })
const SHOWN = { apiKey: "the key" }

/** A Store of which some parts are others. */
const storeWith = (parts: (store: Store.Store) => Partial<Store.Store>): Layer.Layer<Store.Store, unknown> =>
  Layer.effect(
    Store.Store,
    Effect.map(Store.Store, (store): Store.Store => {
      const changed = parts(store)
      return new Proxy(store, { get: (of, name) => (name in changed ? changed : of)[name as "get"] })
    })
  ).pipe(Layer.provide(Store.layerMemory()))

const down = Effect.fail(new Errors.StoreUnavailable("The Store is down"))

const tagOf = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>): Effect.Effect<string> =>
  Effect.match(effect, { onSuccess: () => "allowed", onFailure: ({ _tag }) => _tag })

describe("the order", () => {
  const seen: Array<string> = []
  const watched: Authenticator = {
    scheme: "Test",
    authenticate: ({ apiKey }) => {
      seen.push("authenticate")
      return apiKey === undefined ? undefined : { id: apiKey, roles: [], grants: [{ ...ALL, pipelines: ["p"] }] }
    }
  }
  const store = storeWith(({ limiter, audit }) => ({
    limiter: {
      take: (key, rate) =>
        Effect.suspend(() => {
          seen.push(`take ${key}`)
          return limiter.take(key, rate)
        })
    },
    audit: {
      ...audit,
      append: (record) =>
        Effect.suspend(() => {
          seen.push(`audit ${record.outcome}${record.reason === undefined ? "" : ` ${record.reason}`}`)
          return audit.append(record)
        })
    }
  }))
  const access = Access.secured({ authenticators: [watched], limits: { read: "1/minute" }, requireHttps: true })

  it("is HTTPS, who, address, whether, principal, audit", () =>
    guarded(
      access,
      (guard) =>
        Effect.gen(function* () {
          const of = (shown: object, pipelineId = "p") => {
            seen.length = 0
            return tagOf(
              Effect.flatMap(guard.enter(visitor(shown), "read"), (caller) =>
                guard.check(caller, { permission: "read", pipelineId })
              )
            )
          }
          expect(yield* of({ secure: false })).toBe("HttpsRequired")
          expect(seen).toEqual([])
          expect(yield* of({ address: "192.0.2.1" })).toBe("Unauthenticated")
          expect(seen).toEqual(["authenticate"])
          expect(yield* of({ address: "192.0.2.1" })).toBe("RateLimited")
          expect(seen).toEqual(["authenticate"])
          expect(yield* of({ address: "192.0.2.1", apiKey: "bob" }, "q")).toBe("AccessDenied")
          expect(yield* of({ address: "192.0.2.1", apiKey: "ada" })).toBe("RateLimited")
          expect(seen).toEqual(["authenticate", "take address:read:192.0.2.1", "audit denied RateLimited"])
          expect(yield* of({ address: "192.0.2.2", apiKey: "ada" }, "q")).toBe("AccessDenied")
          expect(seen).toEqual(["authenticate", "take address:read:192.0.2.2", "audit denied AccessDenied"])
          expect(yield* of({ address: "2001:db8::1", apiKey: "ada" })).toBe("allowed")
          const whole = ["authenticate", "take address:read:20010db800000000::/64", "take principal:read:Test:ada"]
          expect(seen).toEqual([...whole, "audit allowed"])
          // The same network of 64 bits, and another one.
          expect(yield* of({ address: "2001:db8::ffff", apiKey: "eve" })).toBe("RateLimited")
          expect(yield* of({ address: "2001:db8:0:1::1", apiKey: "ada" })).toBe("RateLimited")
          expect(seen.at(-1)).toBe("audit denied RateLimited")
        }),
      store
    ))

  it("asks nothing of the program itself, and records nothing of it", () =>
    guarded(
      access,
      (guard) =>
        Effect.gen(function* () {
          seen.length = 0
          for (let count = 0; count < 3; count++)
            yield* guard.check(Principal.host, { permission: "admin", pipelineId: "q" })
          expect(seen).toEqual([])
        }),
      store
    ))
})

describe("an authenticator that is broken lets nobody in", () => {
  const said = (authenticate: Authenticator["authenticate"]) =>
    guarded(Access.secured({ authenticators: [{ scheme: "Test", authenticate }] }), (guard) => hear(guard, SHOWN))
  const unavailable = { tag: "AuthenticatorUnavailable" }

  it.each<[string, Authenticator["authenticate"]]>([
    [
      "throws",
      () => {
        throw new Error("the key")
      }
    ],
    [
      "throws no error",
      () => {
        throw undefined
      }
    ],
    ["rejects", () => Promise.reject(new Error("the key"))],
    ["dies", () => Effect.die("the key")],
    ["fails with something of its own", () => Effect.fail({ _tag: "Mine" } as never)],
    ["gives a principal that never was", () => Promise.resolve({ id: 7 } as never)]
  ])("when it %s", async (_, authenticate) => {
    const heard = await said(authenticate)
    expect(heard).toMatchObject(unavailable)
    expect(JSON.stringify(heard)).not.toContain("the key")
  })

  it("when it hangs: after five seconds", () =>
    guarded(Access.secured({ authenticators: [{ scheme: "Test", authenticate: () => Effect.never }] }), (guard) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(hear(guard, SHOWN))
        yield* TestClock.adjust("4999 millis")
        expect(fiber.pollUnsafe()).toBeUndefined()
        yield* TestClock.adjust("1 millis")
        expect(yield* Fiber.join(fiber)).toMatchObject(unavailable)
      })
    ))

  it("whatever it answers that is no principal", () =>
    fc.assert(
      fc.asyncProperty(
        fc
          .anything()
          .filter((value) => value !== undefined && typeof (value as PromiseLike<unknown>)?.then !== "function"),
        async (value) => {
          // What fast-check finds has no roles.
          expect(await said(() => value as never)).toMatchObject(unavailable)
          expect(await said(() => Promise.resolve(value as never))).toMatchObject(unavailable)
        }
      ),
      { numRuns: 100 }
    ))

  it.each([
    { id: "", roles: [] },
    { id: "a" },
    { id: "a", roles: "admin" },
    { id: "a", roles: [1] },
    { id: "a", roles: [], grants: "*" },
    { id: "a", roles: [], grants: [{ pipelines: "*", permissions: ["read"] }] },
    { id: "a", roles: [], grants: [{ pipelines: ["*"], permissions: ["everything"] }] },
    { id: "a", roles: [], narrowed: "p" },
    { id: "a", roles: [], expiresAtMillis: "2027" },
    { id: "a", roles: [], expiresAtMillis: Number.NaN }
  ])("nearly a principal: %o", async (answer) => {
    expect(await said(() => answer as never)).toMatchObject(unavailable)
  })

  it("a principal whose credentials are over", async () => {
    expect(await said(() => ({ id: "a", roles: [], expiresAtMillis: 1 }))).toMatchObject({
      principal: { id: "Test:a" }
    })
    expect(await said(() => ({ id: "a", roles: [], expiresAtMillis: 0 }))).toMatchObject({ tag: "Unauthenticated" })
  })

  it("and one that knows nobody leaves it to the next", async () => {
    const authenticators = [{ scheme: "Test", authenticate: () => undefined }, keys]
    expect(await guarded(Access.secured({ authenticators }), (guard) => hear(guard, SHOWN))).toMatchObject({
      principal: { id: "ApiKey:ada" }
    })
    expect(await guarded(Access.secured({ authenticators }), (guard) => hear(guard, {}))).toMatchObject({
      tag: "Unauthenticated",
      message: "Credentials are needed, and none were shown"
    })
  })

  it("and two that know somebody know nobody", async () => {
    const authenticators = [keys, { scheme: "Test", authenticate: () => ({ id: "eve", roles: [] }) }]
    expect(await guarded(Access.secured({ authenticators }), (guard) => hear(guard, SHOWN))).toMatchObject({
      tag: "Unauthenticated"
    })
  })
})

describe("a Store that is down lets nobody in", () => {
  const ask = (parts: Parameters<typeof storeWith>[0], shown: object = SHOWN) =>
    guarded(
      Access.secured({ authenticators: [keys], limits: { read: "10/minute" }, tokens: Tokens.make() }),
      (guard) =>
        tagOf(
          Effect.flatMap(guard.enter(visitor(shown), "read"), (caller) =>
            guard.check(caller, { permission: "read", pipelineId: "p" })
          )
        ),
      storeWith(parts)
    )

  it("when limits can't be counted", async () => {
    expect(await ask(() => ({ limiter: { take: () => down } }))).toBe("StoreUnavailable")
  })
  it("when ACLs can't be known", async () => {
    expect(await ask(({ acls }) => ({ acls: { ...acls, list: down, changed: Effect.never } }))).toBe("StoreUnavailable")
  })
  it("when it can't be recorded", async () => {
    expect(await ask(({ audit }) => ({ audit: { ...audit, append: () => down } }))).toBe("StoreUnavailable")
  })
  it("when a token can't be looked up", async () => {
    const { token } = Tokens.make().make()
    expect(await ask(({ tokens }) => ({ tokens: { ...tokens, get: () => down } }), { bearer: token })).toBe(
      "StoreUnavailable"
    )
  })
})

describe("options that can't be used are refused by name", () => {
  it.each([
    [{ authenticators: [] }, "access.authenticators"],
    [{}, "access.authenticators"],
    [{ authenticators: [keys], limits: { execute: "often" } }, "access.limits.execute"],
    [{ authenticators: [keys], limits: { write: "1/minute" } }, "access.limits.write"],
    [{ authenticators: [keys], limitsByAddress: { read: "0/minute" } }, "access.limitsByAddress.read"],
    [{ authenticators: [keys], limits: { read: "1000000/day" } }, "access.limits.read"],
    [{ authenticators: [keys], roles: { admin: { pipelines: "*", permissions: ["read"] } } }, "roles.admin.pipelines"],
    [{ authenticators: [keys], acls: { p: { write: ["a"] } } }, "access.acls.p.write"],
    [{ authenticators: [keys], acls: { p: { read: "a" } } }, "access.acls.p.read"],
    [{ authenticators: [keys], requireHttps: "yes" }, "access.requireHttps"]
  ])("%o", (options, why) => {
    expect(() => Access.secured(options as unknown as Access.Options)).toThrow(why)
  })

  it.each(["10/minute", "1/second", "5/10 seconds", " 100 / hour ", "7/days"])("%s is a rate", (rate) => {
    expect(Access.secured({ authenticators: [keys], limits: { read: rate } })._tag).toBe("Secured")
  })
})
