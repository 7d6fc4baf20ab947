/** Signed tokens: the accepted ones, and every way to make one that must be refused. */
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose"
import { beforeAll, describe, expect, it } from "vitest"
import { JwtAuthenticator } from "../../adapters/jwt/index.ts"
import { VerifiedTokens } from "../../adapters/jwt/VerifiedTokens.ts"
import { authenticatorOutcome } from "./GuardHarness.ts"

const SECRET = "a secret of the tests, of more than 32 bytes"
const NOW = Date.parse("2026-01-01T00:00:00Z")
const SECONDS = NOW / 1_000
const ADA = { id: "ada", roles: ["viewer"], expiresAtMillis: NOW + 65_000 }
const CLAIMS = { sub: "ada", role: "viewer", exp: SECONDS + 60 }

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const part = (json: unknown): string => Buffer.from(JSON.stringify(json)).toString("base64url")
const sign = (
  claims: Readonly<Record<string, unknown>>,
  key: Parameters<SignJWT["sign"]>[0] = bytes(SECRET),
  header: { readonly alg: string; readonly [name: string]: unknown } = { alg: "HS256" }
): Promise<string> => new SignJWT(claims).setProtectedHeader(header).sign(key)

const hs = JwtAuthenticator.make({ secret: SECRET })
const ask = (token: string, authenticator = hs, nowMillis = NOW) =>
  authenticatorOutcome(authenticator, { bearer: token }, nowMillis)

interface Pair {
  readonly alg: JwtAuthenticator.Algorithm
  readonly privateKey: Parameters<SignJWT["sign"]>[0]
  readonly spki: string
  readonly jwk: JWK
}
const pairs = new Map<string, Pair>()
beforeAll(async () => {
  for (const alg of ["RS256", "ES256", "EdDSA"] as const) {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
    pairs.set(alg, { alg, privateKey, spki: await exportSPKI(publicKey), jwk: await exportJWK(publicKey) })
  }
})

describe("a valid token", () => {
  it.each(["HS256", "HS384", "HS512"] as const)("with %s gives its subject and its role", async (alg) => {
    const secret = SECRET.repeat(2)
    const authenticator = JwtAuthenticator.make({ secret, algorithms: [alg] })
    expect(await ask(await sign(CLAIMS, bytes(secret), { alg }), authenticator)).toEqual(ADA)
  })

  it.each(["RS256", "ES256", "EdDSA"])("with %s, verified by PEM, by JWK and by a key set", async (alg) => {
    const { privateKey, spki, jwk } = pairs.get(alg)!
    const algorithms = [alg as JwtAuthenticator.Algorithm]
    const token = await sign(CLAIMS, privateKey, { alg, kid: "one" })
    for (const keys of [{ publicKey: spki }, { publicKey: jwk }, { jwks: { keys: [{ ...jwk, kid: "one" }] } }]) {
      const authenticator = JwtAuthenticator.make({ ...keys, algorithms })
      expect(await ask(token, authenticator)).toEqual(ADA)
    }
  })

  it.each([
    ["role", { role: ["a", "b", 7] }, ["a", "b"]],
    ["role", {}, []],
    ["role", { role: { admin: true } }, []],
    ["realm_access.roles", { realm_access: { roles: ["admin"] } }, ["admin"]],
    ["realm_access.roles", { realm_access: "admin" }, []],
    ["__proto__.role", { role: "admin" }, []],
    ["constructor.name", {}, []]
  ])("has its roles at %s: %o", async (roleClaim, claims, roles) => {
    const authenticator = JwtAuthenticator.make({ secret: SECRET, roleClaim })
    expect(await ask(await sign({ sub: "ada", exp: SECONDS + 60, ...claims }), authenticator)).toEqual({
      ...ADA,
      roles
    })
  })

  it("is left to the next authenticator if it is not a JWT", async () => {
    for (const bearer of [undefined, "", "lvt_abc", "a.b", "a.b.c.d", "a b.c.d"]) {
      expect(await authenticatorOutcome(hs, { bearer }, NOW)).toBeUndefined()
    }
  })
})

describe("a token is refused", () => {
  it.each([
    ["that has expired", { ...CLAIMS, exp: SECONDS - 6 }],
    ["that never expires", { sub: "ada" }],
    ["whose end is not a number", { ...CLAIMS, exp: String(SECONDS + 60) }],
    ["that is not valid yet", { ...CLAIMS, nbf: SECONDS + 60 }],
    ["without a subject", { exp: SECONDS + 60 }],
    ["whose subject is not text", { sub: 7, exp: SECONDS + 60 }]
  ])("%s", async (_, claims) => {
    expect(await ask(await sign(claims))).toBe("Unauthenticated")
  })

  it("from another issuer, or for another audience, if these are set", async () => {
    const authenticator = JwtAuthenticator.make({ secret: SECRET, issuer: "us", audience: ["levada", "other"] })
    const issued = async (claims: object) => ask(await sign({ ...CLAIMS, ...claims }), authenticator)
    expect(await issued({ iss: "us", aud: "levada" })).toMatchObject({ id: "ada" })
    for (const claims of [
      {},
      { iss: "us" },
      { aud: "levada" },
      { iss: "them", aud: "levada" },
      { iss: "us", aud: ["them"] }
    ]) {
      expect(await issued(claims)).toBe("Unauthenticated")
    }
  })

  it('that is not signed, however "none" is spelled', async () => {
    for (const alg of ["none", "None", "NONE", ""]) {
      for (const signature of ["", "x"]) {
        expect(await ask(`${part({ alg })}.${part(CLAIMS)}.${signature}`)).toBe("Unauthenticated")
      }
    }
    const [head, , signature] = (await sign(CLAIMS)).split(".")
    expect(await ask(`${head}.${part({ ...CLAIMS, role: "admin" })}.${signature}`)).toBe("Unauthenticated")
    expect(await ask(`${head}.${part(CLAIMS)}.`)).toBe("Unauthenticated")
    expect(await ask(`${head}..${signature}`)).toBe("Unauthenticated")
    expect(await ask("e30.e30.e30")).toBe("Unauthenticated")
  })

  it("with another algorithm than the allowed ones, even if the key would fit", async () => {
    const secret = SECRET.repeat(2)
    const authenticator = JwtAuthenticator.make({ secret })
    expect(await ask(await sign(CLAIMS, bytes(secret), { alg: "HS512" }), authenticator)).toBe("Unauthenticated")
  })

  it("that uses a public key as a secret", async () => {
    const { spki, jwk } = pairs.get("RS256")!
    const forged = [
      await sign(CLAIMS, bytes(spki), { alg: "HS256" }),
      await sign(CLAIMS, bytes(spki.trim()), { alg: "HS256" }),
      await sign(CLAIMS, bytes(JSON.stringify(jwk)), { alg: "HS256", kid: "one" })
    ]
    for (const keys of [{ publicKey: spki }, { jwks: { keys: [{ ...jwk, kid: "one" }] } }]) {
      const authenticator = JwtAuthenticator.make({ ...keys, algorithms: ["RS256"] })
      for (const token of forged) expect(await ask(token, authenticator)).toBe("Unauthenticated")
    }
  })

  it("that brings its own key, or says where one is", async () => {
    const attacker = await generateKeyPair("RS256", { extractable: true })
    const { jwk, spki } = pairs.get("RS256")!
    const own = await exportJWK(attacker.publicKey)
    const local = JwtAuthenticator.make({ jwks: { keys: [{ ...jwk, kid: "one" }] }, algorithms: ["RS256"] })
    const single = JwtAuthenticator.make({ publicKey: spki, algorithms: ["RS256"] })
    const kids = ["../../../dev/null", "one' OR '1'='1", "https://evil.example/key", "k".repeat(10_000), "__proto__"]
    for (const header of [
      { jwk: own },
      { jku: "https://evil.example/keys" },
      { x5u: "https://evil.example" },
      ...kids.map((kid) => ({ kid }))
    ]) {
      const token = await sign(CLAIMS, attacker.privateKey, { alg: "RS256", ...header })
      for (const authenticator of [local, single]) expect(await ask(token, authenticator)).toBe("Unauthenticated")
    }
  })

  it("beyond the tolerance for clocks, but not within it", async () => {
    const token = await sign({ ...CLAIMS, exp: SECONDS, nbf: SECONDS })
    const authenticator = JwtAuthenticator.make({ secret: SECRET, clockToleranceSeconds: 2 })
    expect(await ask(token, authenticator, NOW + 1_000)).toMatchObject({ id: "ada" })
    expect(await ask(token, authenticator, NOW - 2_000)).toMatchObject({ id: "ada" })
    expect(await ask(token, authenticator, NOW + 3_000)).toBe("Unauthenticated")
    expect(await ask(token, authenticator, NOW - 3_000)).toBe("Unauthenticated")
  })

  it("when it has expired, however often it was accepted before", async () => {
    const token = await sign(CLAIMS)
    for (const after of [0, 1_000, 29_000, 59_000])
      expect(await ask(token, hs, NOW + after)).toMatchObject({ id: "ada" })
    expect(await ask(token, hs, NOW + 66_000)).toBe("Unauthenticated")
  })
})

describe("the cache of verified tokens", () => {
  it("verifies a token again after half a minute or when it expires, and is bounded", () => {
    const verified = new VerifiedTokens()
    const principal = { id: "ada", roles: [] }
    verified.add("long", principal, 0)
    const short = { ...principal, expiresAtMillis: 10 }
    verified.add("short", short, 0)
    expect([verified.get("long", 29_999), verified.get("long", 30_000)]).toEqual([principal, undefined])
    expect([verified.get("short", 9), verified.get("short", 10)]).toEqual([short, undefined])
    for (let number = 0; number < 1_500; number++) verified.add(String(number), principal, 0)
    expect([verified.get("499", 0), verified.get("500", 0), verified.get("1499", 0)]).toEqual([
      undefined,
      principal,
      principal
    ])
  })
})

describe("invalid options", () => {
  const { spki } = { spki: "-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----" }
  it.each([
    [{}, "exactly one of"],
    [{ secret: SECRET, publicKey: spki }, "exactly one of"],
    [{ secret: "short" }, "at least 32 bytes"],
    [{ secret: SECRET, algorithms: ["HS512"] as const }, "at least 64 bytes"],
    [{ secret: SECRET, algorithms: ["RS256"] as const }, "jwt.algorithms"],
    [{ secret: SECRET, algorithms: [] }, "jwt.algorithms"],
    [{ publicKey: spki }, "jwt.algorithms"],
    [{ publicKey: spki, algorithms: ["HS256"] as const }, "jwt.algorithms"],
    [{ publicKey: spki, algorithms: ["none" as "RS256"] }, "jwt.algorithms"],
    [{ publicKey: "no key", algorithms: ["RS256"] as const }, "jwt.publicKey"],
    [{ jwks: "no url", algorithms: ["RS256"] as const }, "jwt.jwks"],
    [{ secret: SECRET, clockToleranceSeconds: 3_600 }, "jwt.clockToleranceSeconds"]
  ])("%o is refused: %s", (options, why) => {
    expect(() => JwtAuthenticator.make(options)).toThrow(why)
    expect(() => JwtAuthenticator.make(options)).not.toThrow(/short"|of the tests/)
  })
})
