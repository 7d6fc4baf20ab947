/** Settings from the environment, and which values are refused. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { Access, Levada, type Principal } from "../../adapters/promise/index.ts"
import { Settings } from "../../adapters/settings/index.ts"

const API_KEYS = '{"admin-key":{"role":"admin","pipelines":["*"],"permissions":["read","execute","admin"]}}'
const SECRET = "a secret of the tests, of more than 32 bytes"

/** The settings of the guide, under their names. */
const GUIDE = {
  LEVADA_SECURITY_ENABLED: "true",
  LEVADA_AUTH_PROVIDER: "both",
  LEVADA_API_KEYS: API_KEYS,
  LEVADA_JWT_SECRET: SECRET,
  LEVADA_REQUIRE_HTTPS: "true",
  LEVADA_TRUSTED_PROXIES: "10.0.0.0/8, ::1",
  LEVADA_PIPELINE_ACLS: '{"my_pipeline":{"read":["admin","viewer"],"execute":["admin"]}}',
  LEVADA_RATE_LIMIT_EXECUTE: "10/minute",
  LEVADA_CORS_ORIGINS: "https://app.example.com"
}

const secured = (settings: Settings.Settings) => {
  if (settings.access._tag !== "Secured") throw new Error("Access is open")
  return settings.access
}

describe("the settings of the guide", () => {
  it("are all read", async () => {
    const settings = await Settings.read({ ...GUIDE, PATH: "/bin", HOME: undefined })
    const access = secured(settings)
    expect(access.authenticators.map(({ scheme }) => scheme)).toEqual(["ApiKey", "Bearer"])
    expect(access.requireHttps).toBe(true)
    expect(access.acls.get("my_pipeline")).toEqual({ read: ["admin", "viewer"], execute: ["admin"] })
    expect(access.limits).toEqual(new Map([["execute", { permits: 10, periodMillis: 60_000 }]]))
    expect(access.limitsByAddress).toEqual(access.limits)
    expect(access.tokens).toBeDefined()
    expect(settings).toMatchObject({
      trustedProxies: ["10.0.0.0/8", "::1"],
      cors: { origins: ["https://app.example.com"] }
    })
  })

  it("let the guide's key in", async () => {
    const [keys] = secured(await Settings.read({ LEVADA_API_KEYS: API_KEYS })).authenticators
    const visitor = { apiKey: "admin-key" } as Principal.Visitor
    const principal = await Effect.runPromise(Effect.succeed(keys!.authenticate(visitor, 0)))
    expect(principal).toMatchObject({
      roles: ["admin"],
      grants: [{ pipelines: ["*"], permissions: ["read", "execute", "admin"] }]
    })
  })
})

describe("the Store", () => {
  const openness = { LEVADA_SECURITY_ENABLED: "false" }

  it.each(["memory", "sqlite::memory:"])("is the one that LEVADA_STORE=%s names", async (setting) => {
    const { store } = await Settings.read({ ...openness, LEVADA_STORE: setting })
    const levada = Levada.make({ pipelines: [], access: Access.open, store: store! })
    await levada.ready
    expect((await levada.runs()).runs).toEqual([])
    await levada.close()
  })

  it("is the program's choice without the setting", async () => {
    expect((await Settings.read(openness)).store).toBeUndefined()
  })

  it.each(["", "sqlite:", "postgres://localhost", "redis"])("is not '%s'", async (setting) => {
    await expect(Settings.read({ ...openness, LEVADA_STORE: setting })).rejects.toThrow("LEVADA_STORE")
  })
})

describe("access", () => {
  it.each([
    [{ LEVADA_API_KEYS: API_KEYS }, ["ApiKey"]],
    [{ LEVADA_JWT_SECRET: SECRET }, ["Bearer"]],
    [{ LEVADA_API_KEYS: API_KEYS, LEVADA_JWT_SECRET: SECRET }, ["ApiKey", "Bearer"]],
    [{ LEVADA_JWT_JWKS_URL: "https://id.example.com/keys", LEVADA_JWT_ALGORITHMS: "RS256, ES256" }, ["Bearer"]]
  ])("with %o uses the matching authenticators", async (environment, schemes) => {
    expect(secured(await Settings.read(environment)).authenticators.map(({ scheme }) => scheme)).toEqual(schemes)
  })

  it("is open if the environment says so, or if only the program says so", async () => {
    expect((await Settings.read({ LEVADA_SECURITY_ENABLED: "false" })).access).toBe(Access.open)
    expect((await Settings.read({ LEVADA_CORS_ORIGINS: "*" }, Access.open)).access).toBe(Access.open)
    expect((await Settings.read({ LEVADA_API_KEYS: API_KEYS }, Access.open)).access._tag).toBe("Secured")
  })
})

describe("settings refused by name", () => {
  it.each([
    ["nothing", {}, ["SECURITY_ENABLED is missing"]],
    [
      "an unknown name",
      { LEVADA_SECURITY_ENABLED: "false", LEVADA_API_KEY: "x" },
      ["LEVADA_API_KEY is unknown. Did you mean LEVADA_API_KEYS? The names after LEVADA_ are: SECURITY_ENABLED,"]
    ],
    ["neither yes nor no", { LEVADA_SECURITY_ENABLED: "yes" }, ["SECURITY_ENABLED: expected true or false"]],
    ["secured without an authenticator", { LEVADA_SECURITY_ENABLED: "true" }, ["API_KEYS is missing"]],
    ["secured without a key", { LEVADA_API_KEYS: "{}" }, ["API_KEYS: "]],
    ["no token could be verified", { LEVADA_AUTH_PROVIDER: "jwt" }, ["JWT_SECRET is missing"]],
    [
      "keys although security is turned off",
      { LEVADA_SECURITY_ENABLED: "false", LEVADA_API_KEYS: API_KEYS },
      ["API_KEYS has no effect"]
    ],
    [
      "keys beside tokens only",
      { LEVADA_AUTH_PROVIDER: "jwt", LEVADA_JWT_SECRET: SECRET, LEVADA_API_KEYS: API_KEYS },
      ["API_KEYS has no effect"]
    ],
    [
      "tokens beside keys only",
      { LEVADA_AUTH_PROVIDER: "api_key", LEVADA_JWT_SECRET: SECRET, LEVADA_API_KEYS: API_KEYS },
      ["JWT_SECRET has no effect"]
    ],
    ["a short secret", { LEVADA_JWT_SECRET: "super-secret" }, ["JWT_SECRET: ", "at least 32 bytes"]],
    [
      "a public key as a secret",
      { LEVADA_JWT_SECRET: SECRET, LEVADA_JWT_ALGORITHMS: "RS256" },
      ["JWT_SECRET: ", "HS256"]
    ],
    ["two kinds of keys", { LEVADA_JWT_SECRET: SECRET, LEVADA_JWT_JWKS_URL: "https://x.example" }, ["exactly one"]],
    [
      "an invalid rate",
      { LEVADA_API_KEYS: API_KEYS, LEVADA_RATE_LIMIT_READ: "10/fortnight" },
      ["RATE_LIMIT_READ: expected a rate such as '10/minute' or '5/30 seconds'"]
    ],
    [
      "invalid ACLs",
      { LEVADA_API_KEYS: API_KEYS, LEVADA_PIPELINE_ACLS: '{"p":{"write":["x"]}}' },
      ["PIPELINE_ACLS: ", "write"]
    ],
    [
      "an unknown permission",
      { LEVADA_API_KEYS: API_KEYS, LEVADA_ROLES: '{"a":{"pipelines":["*"],"permissions":["all"]}}' },
      ["ROLES: ", '"all"']
    ],
    [
      "invalid proxies",
      { LEVADA_SECURITY_ENABLED: "false", LEVADA_TRUSTED_PROXIES: "10.0.0.0/99" },
      ["TRUSTED_PROXIES: '10.0.0.0/99'"]
    ],
    [
      "a header without proxies",
      { LEVADA_SECURITY_ENABLED: "false", LEVADA_FORWARDED_HEADER: "forwarded" },
      ["FORWARDED_HEADER has no effect"]
    ],
    [
      "all origins with credentials",
      { LEVADA_SECURITY_ENABLED: "false", LEVADA_CORS_ORIGINS: "*", LEVADA_CORS_CREDENTIALS: "true" },
      ["CORS_ORIGINS: "]
    ],
    [
      "an origin with a path",
      { LEVADA_SECURITY_ENABLED: "false", LEVADA_CORS_ORIGINS: "https://a.example/" },
      ["CORS_ORIGINS: "]
    ]
  ])("%s", async (_, environment, expected) => {
    const failure = await Settings.read(environment as Record<string, string>).then(
      () => undefined,
      (error: Error) => error
    )
    expect(failure).toBeInstanceOf(Settings.InvalidSettings)
    for (const part of expected) expect(failure!.message).toContain(part)
  })

  it("are reported together, and without the secrets", async () => {
    const environment = {
      LEVADA_API_KEYS: '{"marked-secret":{"role":"admin","pipelines":["*"],"permissions":["nothing"]}}',
      LEVADA_JWT_SECRET: "marked-secret",
      LEVADA_RATE_LIMIT_ADMIN: "often",
      LEVADA_AUDITED: "marked-secret"
    }
    const { problems, message } = (await Settings.read(environment).catch((error) => error)) as Settings.InvalidSettings
    expect(problems.map(({ setting }) => setting).sort()).toEqual(Object.keys(environment).sort())
    expect(message).not.toContain("marked-secret")
    for (const broken of ["marked-secret", '{"marked-secret":', '["marked-secret"]']) {
      const { message } = (await Settings.read({ LEVADA_API_KEYS: broken }).catch((error) => error)) as Error
      expect(message).toContain("LEVADA_API_KEYS: expected JSON")
      expect(message).not.toContain("marked-secret")
    }
  })
})
