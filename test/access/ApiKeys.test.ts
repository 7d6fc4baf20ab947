/** API keys: which are accepted, how they are compared, and the command that generates them. */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { afterEach, describe, expect, it, vi } from "vitest"
import { ApiKeys, Tokens } from "../../adapters/keys/index.ts"
import { authenticatorOutcome } from "./GuardHarness.ts"

const READ = { role: "viewer", pipelines: ["*"], permissions: ["read"] } as const
const PRINCIPAL = { id: "ci", roles: ["viewer"], grants: [{ pipelines: ["*"], permissions: ["read"] }] }
const NOW = Date.parse("2026-01-01T00:00:00Z")

const crypto = process.getBuiltinModule("node:crypto")
afterEach(() => vi.restoreAllMocks())

const ask = (keys: Parameters<typeof ApiKeys.make>[0], apiKey: string | undefined) =>
  authenticatorOutcome(ApiKeys.make(keys), { apiKey }, NOW)

describe("an API key", () => {
  it("authenticates as its entry, whether the entry has the key or its hash", async () => {
    const hashed = `sha256:${crypto.createHash("sha256").update("the key").digest("hex")}`
    for (const key of ["the key", hashed, `sha256:${hashed.slice(7).toUpperCase()}`]) {
      expect(await ask({ [key]: { ...READ, id: "ci" } }, "the key")).toEqual(PRINCIPAL)
    }
    // The hash itself is not a key.
    expect(await ask({ [hashed]: READ }, hashed)).toBe("UnknownApiKey")
    expect(await ask({ [hashed]: READ }, hashed.slice(7))).toBe("UnknownApiKey")
  })

  it("may be one of several valid keys of an entry, and can be withdrawn", async () => {
    const keys = {
      old: { ...READ, id: "ci", expires: "2026-01-01T00:00:00.001Z" },
      new: { ...READ, id: "ci", expires: "2027-01-01T00:00:00+01:00" },
      gone: { ...READ, expires: "2026-01-01T00:00:00Z" }
    }
    expect(await ask(keys, "old")).toEqual({ ...PRINCIPAL, expiresAtMillis: NOW + 1 })
    expect(await ask(keys, "new")).toEqual({ ...PRINCIPAL, expiresAtMillis: Date.parse("2026-12-31T23:00:00Z") })
    expect(await ask(keys, "gone")).toBe("UnknownApiKey")
    expect(await authenticatorOutcome(ApiKeys.make(keys), { apiKey: "old" }, NOW + 1)).toBe("UnknownApiKey")
  })

  it("has a name that reveals no part of it", async () => {
    const principal = await ask({ "the key": READ }, "the key")
    expect(principal).toMatchObject({ id: expect.stringMatching(/^key-[0-9a-f]{8}$/) })
  })

  it.each([
    ["nothing", undefined, undefined],
    ["an empty one", "", "Unauthenticated"],
    ["another one", "another", "UnknownApiKey"],
    ["part of it", "the ke", "UnknownApiKey"],
    ["more than it", "the key ", "UnknownApiKey"],
    ["another case", "THE KEY", "UnknownApiKey"],
    ["a very long one", "k".repeat(100_000), "UnknownApiKey"],
    ["a name that every object inherits", "__proto__", "UnknownApiKey"]
  ])("is not %s", async (_, apiKey, heard) => {
    expect(await ask({ "the key": READ, constructor: READ }, apiKey)).toBe(heard)
  })

  it("is compared with all keys in constant time, by hashes of equal length, wherever it differs", async () => {
    const compare = vi.spyOn(crypto, "timingSafeEqual")
    const authenticator = ApiKeys.make({ one: READ, two: READ, three: READ })
    for (const apiKey of ["one", "two", "three", "thre", "x", "k".repeat(600)]) {
      compare.mockClear()
      await authenticatorOutcome(authenticator, { apiKey }, NOW)
      expect(compare).toHaveBeenCalledTimes(3)
      for (const [left, right] of compare.mock.calls) {
        expect([left.byteLength, right.byteLength]).toEqual([32, 32])
      }
    }
  })
})

describe("an invalid entry is refused by name, and without its key", () => {
  it.each([
    ["no entries", {}, "apiKeys"],
    ["no role", { "marked-key": { ...READ, role: "" } }, "apiKeys[0].role"],
    ["an empty id", { "marked-key": { ...READ, id: "" } }, "apiKeys[0].id"],
    ["no pipelines", { "marked-key": { role: "a", permissions: ["read"] } }, "apiKeys[0].pipelines"],
    ["no permissions", { one: READ, "marked-key": { role: "a", pipelines: ["*"] } }, "apiKeys[1].permissions"],
    ["an unknown permission", { "marked-key": { ...READ, permissions: ["write"] } }, '"write"'],
    ["an instant without a zone", { "marked-key": { ...READ, expires: "2027-01-01T00:00:00" } }, "apiKeys[0].expires"],
    ["no instant", { "marked-key": { ...READ, expires: "soon" } }, "apiKeys[0].expires"],
    ["half a hash", { "sha256:marked-key": READ }, "64 hexadecimal digits"],
    ["a key that is too long", { [`marked-key${"k".repeat(600)}`]: READ }, "1 to 512"],
    ["an empty key", { "": READ }, "1 to 512"],
    ["nothing", { "marked-key": undefined }, "apiKeys[0].pipelines"]
  ])("%s", (_, keys, why) => {
    const make = () => ApiKeys.make(keys as unknown as Parameters<typeof ApiKeys.make>[0])
    expect(make).toThrow(why)
    expect(make).not.toThrow("marked-key")
  })
})

describe("generated keys and tokens", () => {
  it("are never equal, and are recognised by their hashes", async () => {
    const { key, hashed } = ApiKeys.generate()
    expect(key).toMatch(/^lvk_[\w-]{43}$/)
    expect(ApiKeys.generate().key).not.toBe(key)
    expect(await ask({ [hashed]: { ...READ, id: "ci" } }, key)).toEqual(PRINCIPAL)
    const maker = Tokens.make()
    const { token, digest } = maker.make()
    expect(token).toMatch(/^lvt_[\w-]{43}$/)
    expect(maker.make().token).not.toBe(token)
    // Another server recognises it too.
    expect(Tokens.make().digest(token)).toBe(digest)
    expect(digest).not.toContain(token.slice(4))
    for (const text of ["", "lvt_", token.slice(0, -1), `${token}x`, token.toUpperCase(), "a.b.c"]) {
      expect(maker.digest(text)).toBeUndefined()
    }
  })
})

describe.skipIf(process.env["TEST_RUNTIME"] !== "node")("the command", () => {
  const root = fileURLToPath(new URL("../../", import.meta.url))
  const run = (...options: ReadonlyArray<string>) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["adapters/keys/key.ts", ...options], {
      cwd: root,
      encoding: "utf8"
    })
    return { status, stdout, stderr }
  }

  it("generates a key, and the entry that recognises it", async () => {
    const { status, stdout } = run(
      ...["--role", "viewer", "--permissions", "read,execute", "--pipelines", "reports_*,audio"],
      ...["--id", "ci", "--expires", "2027-01-31T00:00:00Z"]
    )
    expect(status).toBe(0)
    const key = /^ {2}(lvk_\S+)$/m.exec(stdout)![1]!
    const entry = JSON.parse(/^ {2}(\{.*\})$/m.exec(stdout)![1]!)
    expect(JSON.stringify(entry)).not.toContain(key)
    expect(await ask(entry, key)).toEqual({
      id: "ci",
      roles: ["viewer"],
      grants: [{ pipelines: ["reports_*", "audio"], permissions: ["read", "execute"] }],
      expiresAtMillis: Date.parse("2027-01-31T00:00:00Z")
    })
  })

  it.each([[[]], [["--role", "a", "--permissions", "all"]], [["--rôle", "a"]], [["--role", "a", "--expires", "soon"]]])(
    "explains its usage when called wrongly: %o",
    (options) => {
      const { status, stdout, stderr } = run(...options)
      expect(status).toBe(1)
      expect(stdout + stderr).toContain("levada-key --role")
      expect(stdout).not.toContain("lvk_")
    }
  )
})
