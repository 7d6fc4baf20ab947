/** Who gets in at the servers that are secured, and what each of them may do. Every secret bears the mark. */
import { JwtAuthenticator } from "../../../adapters/jwt/index.ts"
import { ApiKeys, Tokens } from "../../../adapters/keys/index.ts"
import { Access } from "../../../adapters/promise/index.ts"

/** What no log, answer, audit record or Store may ever have. */
export const MARK = "lvsecretmark"

export const JWT_SECRET = `${MARK}-a-secret-of-more-than-32-bytes`
const ALL = ["read", "execute", "admin"] as const

/** The keys, by what they are called in tests. */
export const KEYS = {
  admin: { role: "admin", pipelines: ["*"], permissions: ALL },
  reader: { role: "viewer", pipelines: ["*"], permissions: ["read"] },
  runner: { role: "runner", pipelines: ["*"], permissions: ["execute"] },
  keeper: { role: "keeper", pipelines: ["*"], permissions: ["admin"] },
  globIn: { role: "team", pipelines: ["nothing", "my_*"], permissions: ALL },
  globOut: { role: "team", pipelines: ["other_*"], permissions: ALL },
  nothing: { role: "admin", pipelines: [], permissions: ALL },
  expired: { role: "admin", pipelines: ["*"], permissions: ALL, expires: "2020-01-01T00:00:00Z" }
} as const

/** The text of a key. */
export const keyOf = (name: string): string => `${MARK}-key-${name}`

/** A pipeline with an ACL: viewers may read it, nobody may run it. */
export const LISTED = "no_parameters"

export const access = (): Access.Access =>
  Access.secured({
    authenticators: [
      ApiKeys.make(Object.fromEntries(Object.entries(KEYS).map(([name, key]) => [keyOf(name), { id: name, ...key }]))),
      JwtAuthenticator.make({ secret: JWT_SECRET })
    ],
    roles: { admin: { pipelines: ["*"], permissions: ALL } },
    acls: { [LISTED]: { read: ["viewer", "principal:named"], execute: [] } },
    tokens: Tokens.make(),
    requireHttps: process.env["REQUIRE_HTTPS"] === "1",
    ...(process.env["LIMITED"] === "1" && { limits: { execute: "10/minute" } })
  })
