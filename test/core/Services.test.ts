/** Services that a program replaces: each is asked in the place of Levada's. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as fc from "fast-check"
import { Tokens } from "../../adapters/keys/index.ts"
import {
  Access,
  type Acl,
  Authorizer,
  Errors,
  Guard,
  Levada,
  Operations,
  Principal,
  Registry,
  Store,
  Version
} from "../../adapters/promise/index.ts"
import { cases } from "../cases.ts"
import { classed } from "./harness/Classed.ts"
import { ALL, access, asking, enter, looking, type Overrides, other, pipeline } from "./harness/Replacing.ts"

describe("a service that is replaced is asked", () => {
  it.effect("RateLimiter", () =>
    Effect.gen(function* () {
      const keys: Array<string> = []
      const own: Store.RateLimiter = {
        take: (key) =>
          Effect.sync(() => {
            keys.push(key)
            return { isAllowed: !key.startsWith("principal:"), remaining: 7, resetMillis: 2_000 }
          })
      }
      const failure = yield* asking(Layer.succeed(Store.RateLimiter, classed(own)), (operations) =>
        Effect.flip(Effect.flatMap(enter(operations), (caller) => operations.pipeline(caller, "p")))
      )
      expect(failure).toMatchObject({ _tag: "RateLimited", quota: { remaining: 7, resetMillis: 2_000 } })
      expect(keys).toEqual(["address:read:192.0.2.1", "principal:read:Test:ada"])
    })
  )

  it.effect("AuditLog", () =>
    Effect.gen(function* () {
      const records: Array<Store.NewRecord> = []
      const own: Store.AuditLog = {
        append: (record) => Effect.sync(() => void records.push(record)),
        list: () =>
          Effect.sync(() => ({
            records: records.map((record, at) => ({ ...record, id: String(at), atMillis: 0 })),
            nextCursor: undefined
          }))
      }
      const listed = yield* asking(Layer.succeed(Store.AuditLog, classed(own)), (operations) =>
        Effect.gen(function* () {
          yield* operations.pipeline(yield* enter(operations), "p")
          return yield* operations.auditRecords(Principal.host, { limit: 10 })
        })
      )
      expect(records).toMatchObject([{ operation: "GET /test", principal: "Test:ada", pipelineId: "p" }])
      expect(listed.records.map(({ id }) => id)).toEqual(["0"])
    })
  )

  it.effect("Acls", () =>
    Effect.gen(function* () {
      const kept = new Map<string, Acl.Acl>([["p", { read: ["editor"] }]])
      const own: Store.Acls = {
        list: Effect.sync(() => new Map(kept)),
        put: (pipelineId, acl) => Effect.sync(() => void kept.set(pipelineId, acl)),
        remove: (pipelineId) => Effect.sync(() => void kept.delete(pipelineId)),
        changed: Effect.never
      }
      const found = yield* asking(Layer.succeed(Store.Acls, classed(own)), (operations) =>
        Effect.gen(function* () {
          const before = yield* looking()(operations)
          yield* operations.setAcl(Principal.host, "p", { read: ["principal:Test:ada"] })
          const after = yield* looking()(operations)
          yield* operations.removeAcl(Principal.host, "p")
          return [before, after]
        })
      )
      expect(found).toEqual(["AccessDenied", "allowed"])
      expect(kept.size).toBe(0)
    })
  )

  it.effect("Tokens", () =>
    Effect.gen(function* () {
      const kept = new Map<string, Principal.Principal>()
      const own: Store.Tokens = {
        put: (digest, principal) => Effect.sync(() => void kept.set(digest, principal)),
        get: (digest) => Effect.sync(() => kept.get(digest))
      }
      const found = yield* asking(Layer.succeed(Store.Tokens, classed(own)), (operations) =>
        Effect.gen(function* () {
          const { token } = yield* operations.issueToken(yield* enter(operations), { pipelineId: "p" })
          const known = yield* looking({ bearer: token })(operations)
          kept.clear()
          return [known, yield* looking({ bearer: token })(operations)]
        })
      )
      expect(found).toEqual(["allowed", "Unauthenticated"])
    })
  )

  it.effect("Authorizer", () =>
    Effect.gen(function* () {
      const own: Authorizer.Authorizer = {
        isReady: true,
        may: ({ id }, permission) => id === "Test:ada" && permission === "read",
        hides: () => false,
        seesAll: () => false,
        acl: () => ({ acl: undefined, isOwn: false }),
        put: () => Effect.void,
        remove: () => Effect.void
      }
      const found = yield* asking(Layer.succeed(Authorizer.Authorizer, classed(own)), (operations) =>
        Effect.all([looking()(operations), looking({ apiKey: "bob" })(operations)])
      )
      expect(found).toEqual(["allowed", "AccessDenied"])
    })
  )

  it.effect("Guard", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const own: Guard.Guard = {
        enter: (visitor, permission) =>
          Effect.sync(() => {
            seen.push(`enter to ${permission}`)
            return { principal: { id: "eve", roles: [] }, origin: visitor }
          }),
        check: ({ principal }, { permission, pipelineId }) =>
          Effect.suspend(() => {
            seen.push(`${principal.id} to ${permission} ${pipelineId}`)
            return principal.id === "eve"
              ? Effect.fail(new Errors.AccessDenied(principal, permission, pipelineId))
              : Effect.void
          }),
        may: () => true,
        seesAll: () => true,
        acls: undefined,
        strangers: () => [],
        tokens: undefined
      }
      for (const choice of [access, Access.open]) {
        seen.length = 0
        const found = yield* asking(Layer.succeed(Guard.Guard, classed(own)), looking({}), { access: choice })
        expect(found).toBe("AccessDenied")
        expect(seen).toEqual(["enter to read", "eve to read p"])
      }
    })
  )

  it.effect("Registry, also by the worker", () =>
    Effect.gen(function* () {
      const registered = { pipeline: other, createdAtMillis: 0 }
      const ids = new Set(["other"])
      const asked: Array<string> = []
      const own: Registry.Registry = {
        find: (id) => {
          asked.push(id)
          return id === "other" ? Effect.succeed(registered) : Effect.fail(new Errors.PipelineNotFound(id))
        },
        list: Effect.succeed([registered]),
        register: () => Effect.die("not asked"),
        remove: () => Effect.die("not asked"),
        ids,
        versions: new Set([Version.key("other", other.version)]),
        onGrowth: () => () => undefined,
        executable: (id, version) => (id === "other" && version === other.version ? other : undefined)
      }
      const found = yield* asking(Layer.succeed(Registry.Registry, classed(own)), (operations) =>
        Effect.gen(function* () {
          const listed = (yield* operations.pipelines(Principal.host)).map(({ pipeline: { id } }) => id)
          const missing = yield* Effect.flip(operations.pipeline(Principal.host, "p"))
          const result = yield* Levada.execute(other, { n: 4 }).pipe(
            Effect.provideService(Operations.Operations, operations)
          )
          return [listed, missing._tag, result]
        })
      )
      expect(found).toEqual([["other"], "PipelineNotFound", 8])
      expect(asked).toEqual(["p", "other"])
    })
  )
})

// -- any of them together --------------------------------------------------------------------------------------------

/** Levada's own services, wrapped as a program would wrap them; `asked` notes whose members are called. */
const wrapping = (asked: Set<string>): Readonly<Record<string, Layer.Layer<never, never, Store.Store>>> => {
  const noting =
    (name: string) =>
    <A extends object>(inner: A): A =>
      new Proxy(inner, {
        get: (of, key) => {
          asked.add(name)
          const member: unknown = Reflect.get(of, key)
          return typeof member === "function" ? member.bind(of) : member
        }
      })
  const authorizer = Layer.provide(Authorizer.layer(access), Store.layerServices)
  return {
    RateLimiter: Layer.effect(Store.RateLimiter, Effect.map(Store.RateLimiter, noting("RateLimiter"))).pipe(
      Layer.provide(Store.layerServices)
    ),
    AuditLog: Layer.effect(Store.AuditLog, Effect.map(Store.AuditLog, noting("AuditLog"))).pipe(
      Layer.provide(Store.layerServices)
    ),
    Acls: Layer.effect(Store.Acls, Effect.map(Store.Acls, noting("Acls"))).pipe(Layer.provide(Store.layerServices)),
    Tokens: Layer.effect(Store.Tokens, Effect.map(Store.Tokens, noting("Tokens"))).pipe(
      Layer.provide(Store.layerServices)
    ),
    Authorizer: Layer.effect(Authorizer.Authorizer, Effect.map(Authorizer.Authorizer, noting("Authorizer"))).pipe(
      Layer.provide(authorizer)
    ),
    Registry: Layer.effect(Registry.Registry, Effect.map(Registry.Registry, noting("Registry"))).pipe(
      Layer.provide(Registry.layer({ pipelines: [pipeline] }).pipe(Layer.orDie))
    ),
    Guard: Layer.effect(Guard.Guard, Effect.map(Guard.Guard, noting("Guard"))).pipe(
      Layer.provide(Guard.layer(access)),
      Layer.provide([authorizer, Store.layerServices])
    )
  }
}
const NAMES = Object.keys(wrapping(new Set()))

/** Everything that any of the services is there for. */
const everything = (operations: Operations.Operations) =>
  Effect.gen(function* () {
    const caller = yield* enter(operations)
    yield* operations.setAcl(caller, "p", { read: ["principal:Test:ada"], execute: ["principal:Test:ada"] })
    const { token } = yield* operations.issueToken(caller, { pipelineId: "p" })
    const narrow = yield* enter(operations, { bearer: token })
    const run = yield* Levada.execute(pipeline, { n: 3 }).pipe(Effect.provideService(Operations.Operations, operations))
    const { records } = yield* operations.auditRecords(caller, { limit: 10 })
    return [(yield* operations.pipeline(narrow, "p")).pipeline.id, run, records.length]
  })

it.effect("any of them are replaced together, and what they give is the same", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(fc.subarray(NAMES), async (names) => {
        const asked = new Set<string>()
        const layers = wrapping(asked)
        const overrides = names.reduce<Overrides>((all, name) => Layer.merge(all, layers[name]!), Layer.empty)
        expect(await Effect.runPromise(Effect.provide(asking(overrides, everything), Logger.layer([])))).toEqual([
          "p",
          6,
          3
        ])
        // A guard and an authorizer of the program's own ask what they were built over.
        const unasked = new Set([
          ...(names.includes("Guard") ? ["RateLimiter", "Acls", "Authorizer"] : []),
          ...(names.includes("Authorizer") ? ["Acls"] : [])
        ])
        expect([...asked].sort()).toEqual(names.filter((name) => !unasked.has(name)).sort())
      }),
      { numRuns: cases(200) }
    )
  )
)

it.effect("the checks keep their order", () =>
  Effect.gen(function* () {
    const order: Array<string> = []
    const overrides = Layer.mergeAll(
      Layer.succeed(Store.RateLimiter, {
        take: (key) =>
          Effect.sync(() => {
            order.push(`take ${key}`)
            return { isAllowed: true, remaining: 1, resetMillis: 1 }
          })
      }),
      Layer.succeed(Store.AuditLog, {
        append: ({ outcome }) => Effect.sync(() => void order.push(`audit ${outcome}`)),
        list: () => Effect.succeed({ records: [], nextCursor: undefined })
      }),
      Layer.succeed(Store.Tokens, {
        put: () => Effect.void,
        get: () =>
          Effect.sync(() => {
            order.push("token")
            return { id: "ada", roles: [], grants: [ALL] }
          })
      }),
      Layer.succeed(Authorizer.Authorizer, {
        isReady: true,
        may: () => {
          order.push("may")
          return true
        },
        hides: () => false,
        seesAll: () => true,
        acl: () => ({ acl: undefined, isOwn: false }),
        put: () => Effect.void,
        remove: () => Effect.void
      })
    )
    const { token } = Tokens.make().make()
    expect(yield* asking(overrides, looking({ bearer: token }))).toBe("allowed")
    expect(order).toEqual(["token", "take address:read:192.0.2.1", "may", "take principal:read:ada", "audit allowed"])
  })
)

it.effect("a replacement is built once, and closed with the layer", () =>
  Effect.gen(function* () {
    const life: Array<string> = []
    const overrides = Layer.effect(
      Store.RateLimiter,
      Effect.acquireRelease(
        Effect.sync((): Store.RateLimiter => {
          life.push("open")
          return { take: () => Effect.succeed({ isAllowed: true, remaining: 1, resetMillis: 1 }) }
        }),
        () => Effect.sync(() => life.push("closed"))
      )
    )
    expect(yield* asking(overrides, looking())).toBe("allowed")
    expect(life).toEqual(["open", "closed"])
  })
)

it.effect("a replacement that can't be built is a failure of the layer", () =>
  Effect.gen(function* () {
    class NoDatabase extends Error {
      readonly _tag = "NoDatabase"
    }
    const failing = Layer.effect(Store.AuditLog, Effect.fail(new NoDatabase()))
    const layer = Levada.layer({ pipelines: [pipeline], access, overrides: failing })
    const failure: Levada.MakeError | NoDatabase = yield* Effect.flip(
      Effect.scoped(Layer.build(Layer.provide(layer, Store.layerMemory())))
    )
    expect(failure._tag).toBe("NoDatabase")
  })
)
