/** Services that a program replaces and that fail: they let nobody in. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import { Tokens } from "../../adapters/keys/index.ts"
import { Authorizer, Guard, Store } from "../../adapters/promise/index.ts"
import { ALL, asking, looking, type Overrides } from "../core/harness/Replacing.ts"

/** How a member of a service can fail, whatever its type. */
const FAILURES: Readonly<Record<string, (...args: ReadonlyArray<unknown>) => unknown>> = {
  throws: () => {
    throw new Error("the secret")
  },
  "throws undefined": () => {
    throw undefined
  },
  dies: () => Effect.die("the secret"),
  "never answers": () => Effect.never,
  "fails with a failure of its own": () => Effect.fail({ _tag: "Mine", message: "the secret" }),
  "gives a Promise": () => Promise.resolve(true),
  "gives true": () => true,
  "gives an Effect of another type": () => Effect.succeed("yes"),
  "gives nothing": () => undefined
}

type Broken = readonly [key: string, member: string, make: (fail: () => unknown) => Overrides]

const taken = { isAllowed: true, remaining: 1, resetMillis: 1 }
const limiter: Store.RateLimiter = { take: () => Effect.succeed(taken) }
const audit: Store.AuditLog = {
  append: () => Effect.void,
  list: () => Effect.succeed({ records: [], nextCursor: undefined })
}
const tokens: Store.Tokens = {
  put: () => Effect.void,
  get: () => Effect.succeed({ id: "ada", roles: [], grants: [ALL] })
}
const acls: Store.Acls = {
  list: Effect.succeed(new Map()),
  put: () => Effect.void,
  remove: () => Effect.void,
  changed: Effect.never
}
const authorizer: Authorizer.Authorizer = {
  isReady: true,
  may: () => true,
  hides: () => false,
  seesAll: () => true,
  acl: () => ({ acl: undefined, isOwn: false }),
  put: () => Effect.void,
  remove: () => Effect.void
}
const guard: Guard.Guard = {
  enter: (visitor) => Effect.succeed({ principal: { id: "ada", roles: [] }, origin: visitor }),
  check: () => Effect.void,
  may: () => true,
  seesAll: () => true,
  acls: undefined,
  strangers: () => [],
  tokens: undefined
}

const BROKEN: ReadonlyArray<Broken> = [
  ["RateLimiter", "take", (take) => Layer.succeed(Store.RateLimiter, { ...limiter, take } as never)],
  ["AuditLog", "append", (append) => Layer.succeed(Store.AuditLog, { ...audit, append } as never)],
  ["Tokens", "get", (get) => Layer.succeed(Store.Tokens, { ...tokens, get } as never)],
  [
    "Acls",
    "list",
    (list) =>
      Layer.succeed(Store.Acls, Object.defineProperty({ ...acls }, "list", { get: list }) as unknown as Store.Acls)
  ],
  ["Authorizer", "may", (may) => Layer.succeed(Authorizer.Authorizer, { ...authorizer, may } as never)],
  [
    "Authorizer",
    "isReady",
    (isReady) =>
      Layer.succeed(
        Authorizer.Authorizer,
        Object.defineProperty({ ...authorizer }, "isReady", { get: isReady }) as unknown as Authorizer.Authorizer
      )
  ],
  ["Guard", "enter", (enter) => Layer.succeed(Guard.Guard, { ...guard, enter } as never)],
  ["Guard", "check", (check) => Layer.succeed(Guard.Guard, { ...guard, check } as never)]
]

/** What is an answer after all. */
const isAnswer = (service: string, member: string, how: string): boolean =>
  // An audit log gives nothing that anybody looks at.
  (member === "append" && how === "gives an Effect of another type") ||
  (service === "Authorizer" && how === "gives true")

describe("a service that fails lets nobody in", () => {
  for (const [service, member, make] of BROKEN) {
    for (const [how, fail] of Object.entries(FAILURES)) {
      if (isAnswer(service, member, how)) continue
      it.effect(`${service}.${member} ${how}`, () =>
        Effect.gen(function* () {
          const lines: Array<string> = []
          const logger = Logger.make(({ message }) => void lines.push(JSON.stringify(message)))
          const shown = service === "Tokens" ? { bearer: Tokens.make().make().token } : { apiKey: "ada" }
          const fiber = yield* Effect.forkChild(
            Effect.exit(asking(make(fail), looking(shown))).pipe(Effect.provide(Logger.layer([logger])))
          )
          // For a service that never answers: Levada waits 5 seconds when it starts, and 5 for the caller.
          for (let second = 0; second < 12; second++) yield* TestClock.adjust("1 second")
          const exit = yield* Fiber.join(fiber)
          if (service === "Authorizer") {
            // It answers at once, or with a defect.
            if (exit._tag === "Success") expect(["AccessDenied", "StoreUnavailable"]).toContain(exit.value)
          } else {
            expect(exit).toMatchObject({ _tag: "Success", value: "StoreUnavailable" })
          }
          expect(lines.join("\n")).not.toContain("the secret")
        })
      )
    }
  }
})

it.effect("ACLs that can't be followed hold for nobody", () =>
  Effect.gen(function* () {
    for (const fail of [FAILURES["throws"]!, FAILURES["dies"]!, FAILURES["gives a Promise"]!]) {
      const broken = Object.defineProperty({ ...acls }, "changed", { get: fail }) as unknown as Store.Acls
      const found = yield* asking(Layer.succeed(Store.Acls, broken), (operations) =>
        Effect.andThen(TestClock.adjust("10500 millis"), looking()(operations))
      )
      expect(found).toBe("StoreUnavailable")
    }
  })
)
