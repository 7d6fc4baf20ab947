/** Key sets that are fetched: their keys change, and their server may fail. */
import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { afterEach, expect, it, vi } from "vitest"
import { JwtAuthenticator } from "../../adapters/jwt/index.ts"
import { Access } from "../../adapters/promise/index.ts"
import { authenticatorOutcome, guardOutcome, withGuard } from "./GuardHarness.ts"

const closers: Array<() => void> = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
  vi.useRealTimers()
})

/** A server, and an authenticator that fetches its keys there. */
const serving = async (listener: RequestListener) => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const jwks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
  return JwtAuthenticator.make({ jwks, algorithms: ["ES256"] })
}

const pair = async (kid: string) => {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid }
  const token = await new SignJWT({ sub: "ada", role: "viewer", exp: Math.floor(Date.now() / 1_000) + 600 })
    .setProtectedHeader({ alg: "ES256", kid })
    .sign(privateKey)
  return { jwk, token }
}

it("are fetched once for many tokens, and again for an unknown key id, but not too often", async () => {
  const [one, two] = [await pair("one"), await pair("two")]
  let keys = [one.jwk]
  let fetched = 0
  const authenticator = await serving((_, response) => {
    fetched++
    response.end(JSON.stringify({ keys }))
  })
  const ask = (bearer: string) => authenticatorOutcome(authenticator, { bearer })
  expect(await Promise.all([ask(one.token), ask(one.token)])).toMatchObject([{ id: "ada" }, { id: "ada" }])
  expect(await ask(two.token)).toBe("Unauthenticated")
  expect(fetched).toBe(1)
  keys = [two.jwk]
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 31_000 })
  expect(await ask(two.token)).toMatchObject({ id: "ada" })
  // The old key is gone, and tokens signed with it are invalid.
  expect(await ask(one.token)).toBe("Unauthenticated")
  expect(fetched).toBe(2)
})

it.each<[string, RequestListener]>([
  ["answers with an error", (_, response) => response.writeHead(500).end("{}")],
  ["answers with no JSON", (_, response) => response.end("<html>")],
  ["answers with no keys", (_, response) => response.end('{"keys":7}')],
  ["redirects", (_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end()],
  ["hangs up", (request) => request.socket.destroy()]
])("while the server %s, access is denied, and no valid token is called invalid", async (_, listener) => {
  const authenticator = await serving(listener)
  expect(await authenticatorOutcome(authenticator, { bearer: (await pair("one")).token })).toBe(
    "AuthenticatorUnavailable"
  )
})

it("are waited for five seconds at most", async () => {
  const asked = Promise.withResolvers<void>()
  const authenticator = await serving(() => asked.resolve())
  const { token } = await pair("one")
  await withGuard(Access.secured({ authenticators: [authenticator] }), (guard) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(guardOutcome(guard, { bearer: token }))
      yield* Effect.promise(() => asked.promise)
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ tag: "AuthenticatorUnavailable" })
    })
  )
})
