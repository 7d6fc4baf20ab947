/** Access and the edge of the server, from the environment: flat texts, which are all looked at before any is used. */

import * as Result from "effect/Result"
import * as Access from "../../core/access/Access.ts"
import type { Authenticator } from "../../core/access/Authenticator.ts"
import { parseNetwork } from "../../core/values/Address.ts"
import { Failure } from "../../core/values/Failure.ts"
import * as OptionCheck from "../../core/values/OptionCheck.ts"
import * as Rate from "../../core/values/Rate.ts"
import type * as Handler from "../http/Handler.ts"
import * as Cors from "../http/server/Cors.ts"
import { FORWARDED_HEADERS } from "../http/server/Proxies.ts"
import * as WebPages from "../http/server/WebPages.ts"
import type { Options as JwtOptions } from "../jwt/JwtAuthenticator.ts"
import * as ApiKeys from "../keys/ApiKeys.ts"
import * as Tokens from "../keys/Tokens.ts"
import { type Problem, Reader } from "./Reader.ts"

/** Settings that can't be used. Everything that is wrong is named at once; no value is quoted that may be secret. */
export class InvalidSettings extends Failure<"InvalidSettings"> {
  readonly problems: ReadonlyArray<Problem>
  constructor(problems: ReadonlyArray<Problem>) {
    super("InvalidSettings", problems.map(({ setting, message }) => `${setting}: ${message}`).join("\n"))
    this.problems = problems
  }
}

/** What the settings say, for `Levada.make`. */
export interface Settings extends Omit<Handler.Options, "basePath"> {
  readonly access: Access.Access
}

/** Each setting, behind `LEVADA_`, with what it takes. */
const SETTINGS = {
  SECURITY_ENABLED:
    "true or false: whether anybody is asked who they are; true where any of the settings of access is there",
  AUTH_PROVIDER: "'api_key', 'jwt' or 'both'; what there are settings for, unless it is said",
  API_KEYS: 'JSON: {"key":{"role":"admin","pipelines":["*"],"permissions":["read","execute","admin"]}}',
  ROLES: 'JSON: {"admin":{"pipelines":["*"],"permissions":["read","execute","admin"]}}',
  PIPELINE_ACLS: 'JSON: {"my_pipeline":{"read":["admin","viewer"],"execute":["admin"]}}',
  JWT_SECRET: "the secret that tokens are signed with (HS256), 32 bytes or more",
  JWT_PUBLIC_KEY: "the public key of whoever signs tokens, in PEM",
  JWT_JWKS_URL: "where the public keys are",
  JWT_ALGORITHMS: "the only algorithms that are taken, such as 'RS256,ES256'",
  JWT_ISSUER: "who has to have issued a token",
  JWT_AUDIENCE: "whom a token has to be for",
  JWT_ROLE_CLAIM: "where the roles are, such as 'realm_access.roles'; 'role' unless it is said",
  JWT_CLOCK_TOLERANCE: "how far clocks may be apart, in seconds; 5 unless it is said",
  RATE_LIMIT_READ: "'N/period', such as '600/minute', by address and by principal",
  RATE_LIMIT_EXECUTE: "'N/period', such as '10/minute', by address and by principal",
  RATE_LIMIT_ADMIN: "'N/period', such as '60/hour', by address and by principal",
  RATE_LIMIT_FAILED: "'N/period', by address: how often a request may prove nothing; '100/minute' unless it is said",
  REQUIRE_HTTPS: "true or false: whether requests that are not encrypted are refused",
  TRUSTED_PROXIES: "addresses and networks, such as '127.0.0.1,10.0.0.0/8'",
  FORWARDED_HEADER: "x-forwarded-for or forwarded: which header these proxies write",
  HOSTS: "names of the server besides those of this machine, where access is open, such as 'levada.internal', or '*'",
  CORS_ORIGINS: "origins of pages that may read answers, such as 'https://app.example.com', or '*'",
  CORS_CREDENTIALS: "true or false: whether browsers send cookies along",
  GUARD_DOCS: "true or false: whether only those who may read see the API's document and its pages",
  GUARD_METRICS: "true or false: whether only those who may read see metrics",
  MAX_BODY_BYTES: "a whole number: the longest body"
} as const

/** The name of a setting, behind `LEVADA_`. */
export type Name = keyof typeof SETTINGS

/** Those that mean nothing where access is open. */
const OF_ACCESS: ReadonlyArray<Name> = [
  ...(["AUTH_PROVIDER", "API_KEYS", "ROLES", "PIPELINE_ACLS", "JWT_SECRET", "JWT_PUBLIC_KEY", "JWT_JWKS_URL"] as const),
  ...(["JWT_ALGORITHMS", "JWT_ISSUER", "JWT_AUDIENCE", "JWT_ROLE_CLAIM", "JWT_CLOCK_TOLERANCE"] as const),
  ...(["RATE_LIMIT_READ", "RATE_LIMIT_EXECUTE", "RATE_LIMIT_ADMIN", "RATE_LIMIT_FAILED"] as const),
  "REQUIRE_HTTPS"
]
const OF_JWT = OF_ACCESS.filter((name) => name.startsWith("JWT_"))

/**
 * Reads the settings that begin with `LEVADA_`. Rejects with `InvalidSettings` for one that is unknown, can't be used, or
 * contradicts another. Where nothing says who gets in, that is `otherwise`, or it rejects too.
 */
export const read = async (
  environment: Readonly<Record<string, string | undefined>>,
  otherwise?: Access.Access
): Promise<Settings> => {
  const mistake = OptionCheck.required(
    OptionCheck.record,
    "environment",
    environment,
    "an object of texts, such as process.env"
  )
  if (mistake !== undefined) throw mistake
  const reader = new Reader<Name>(environment, SETTINGS)
  const isSecured = reader.flag("SECURITY_ENABLED") ?? (OF_ACCESS.some((name) => reader.has(name)) ? true : undefined)
  const access =
    isSecured === true ? await secured(reader) : isSecured === false ? open(reader) : (otherwise ?? missing(reader))
  const settings = edge(reader)
  if (access === undefined || reader.problems.length > 0) throw new InvalidSettings(reader.problems)
  return { ...settings, access }
}

const missing = (reader: Reader<Name>): undefined =>
  reader.refuse(
    "SECURITY_ENABLED",
    "is missing: nothing says who gets in. Set it to true, with LEVADA_API_KEYS or LEVADA_JWT_SECRET, or to false"
  )

const open = (reader: Reader<Name>): Access.Access => {
  for (const name of OF_ACCESS) {
    if (reader.has(name)) reader.refuse(name, "means nothing with LEVADA_SECURITY_ENABLED=false; leave one of them out")
  }
  return Access.open
}

const secured = async (reader: Reader<Name>): Promise<Access.Access | undefined> => {
  const keys = reader.json<Readonly<Record<string, ApiKeys.ApiKey>>>("API_KEYS")
  const hasJwt = (["JWT_SECRET", "JWT_PUBLIC_KEY", "JWT_JWKS_URL"] as const).some((name) => reader.has(name))
  const provider =
    reader.among("AUTH_PROVIDER", ["api_key", "jwt", "both"]) ??
    (hasJwt ? (reader.has("API_KEYS") ? "both" : "jwt") : "api_key")
  const authenticators: Array<Authenticator> = []
  if (provider === "jwt") {
    if (reader.has("API_KEYS"))
      reader.refuse("API_KEYS", "means nothing with LEVADA_AUTH_PROVIDER=jwt; set that to 'both', or leave it out")
  } else if (!reader.has("API_KEYS"))
    reader.refuse("API_KEYS", "is missing: without a key nobody gets in. `levada-key` makes one")
  else if (keys !== undefined) reader.made("API_KEYS", () => authenticators.push(ApiKeys.make(keys, "LEVADA_API_KEYS")))
  if (provider === "api_key") {
    for (const name of OF_JWT) {
      if (reader.has(name))
        reader.refuse(name, "means nothing with LEVADA_AUTH_PROVIDER=api_key; set that to 'both', or leave it out")
    }
  } else if (!hasJwt)
    reader.refuse(
      "JWT_SECRET",
      "is missing, and so are LEVADA_JWT_PUBLIC_KEY and LEVADA_JWT_JWKS_URL: no token could be verified"
    )
  else await jwt(reader, authenticators)

  const roles = reader.json<NonNullable<Access.Options["roles"]>>("ROLES")
  const acls = reader.json<NonNullable<Access.Options["acls"]>>("PIPELINE_ACLS")
  const limits = Object.fromEntries(
    (["READ", "EXECUTE", "ADMIN"] as const).flatMap((kind) => {
      const text = reader.text(`RATE_LIMIT_${kind}`)
      const rate = text === undefined ? undefined : Rate.parse(`LEVADA_RATE_LIMIT_${kind}`, text)
      if (rate !== undefined && Result.isFailure(rate)) reader.refuse(`RATE_LIMIT_${kind}`, rate.failure.message)
      return rate === undefined || Result.isFailure(rate) ? [] : [[kind.toLowerCase(), text]]
    })
  ) as Access.Limits
  const requireHttps = reader.flag("REQUIRE_HTTPS") ?? false
  const failed = reader.text("RATE_LIMIT_FAILED")
  const rate = failed === undefined ? undefined : Rate.parse("LEVADA_RATE_LIMIT_FAILED", failed)
  if (rate !== undefined && Result.isFailure(rate)) reader.refuse("RATE_LIMIT_FAILED", rate.failure.message)
  if (reader.problems.length > 0) return undefined
  const options = { authenticators, limits, requireHttps, failuresByAddress: failed, tokens: Tokens.make() }
  reader.made("ROLES", () => Access.secured({ ...options, roles }))
  return reader.made("PIPELINE_ACLS", () => Access.secured({ ...options, roles, acls }))
}

const jwt = async (reader: Reader<Name>, authenticators: Array<Authenticator>): Promise<void> => {
  const secret = reader.text("JWT_SECRET")
  const options: JwtOptions = {
    secret,
    // In one line, as files of settings have it.
    publicKey: reader.text("JWT_PUBLIC_KEY")?.replaceAll("\\n", "\n"),
    jwks: reader.text("JWT_JWKS_URL"),
    algorithms: reader.list("JWT_ALGORITHMS") as JwtOptions["algorithms"],
    issuer: reader.text("JWT_ISSUER"),
    audience: reader.list("JWT_AUDIENCE"),
    roleClaim: reader.text("JWT_ROLE_CLAIM"),
    clockToleranceSeconds: reader.number("JWT_CLOCK_TOLERANCE")
  }
  const { make } = await import("../jwt/JwtAuthenticator.ts")
  const name = secret !== undefined ? "JWT_SECRET" : reader.has("JWT_PUBLIC_KEY") ? "JWT_PUBLIC_KEY" : "JWT_JWKS_URL"
  reader.made(name, () => authenticators.push(make(options)))
}

/** What is in front of the guard. */
const edge = (reader: Reader<Name>): Omit<Settings, "access"> => {
  const trustedProxies = reader.list("TRUSTED_PROXIES")
  for (const network of trustedProxies ?? []) {
    if (parseNetwork(network) === undefined)
      reader.refuse("TRUSTED_PROXIES", `'${network}' is neither an address nor a network such as '10.0.0.0/8'`)
  }
  const forwardedHeader = reader.among("FORWARDED_HEADER", FORWARDED_HEADERS)
  if (forwardedHeader !== undefined && trustedProxies === undefined) {
    reader.refuse("FORWARDED_HEADER", "means nothing without LEVADA_TRUSTED_PROXIES")
  }
  const origins = reader.list("CORS_ORIGINS")
  const credentials = reader.flag("CORS_CREDENTIALS")
  if (credentials !== undefined && origins === undefined)
    reader.refuse("CORS_CREDENTIALS", "means nothing without LEVADA_CORS_ORIGINS")
  const cors: Cors.Options | undefined =
    origins === undefined ? undefined : { origins, ...(credentials !== undefined && { credentials }) }
  if (cors !== undefined) reader.made("CORS_ORIGINS", () => Result.getOrThrow(Cors.make(cors)))
  const hosts = reader.list("HOSTS")
  if (hosts !== undefined)
    reader.made("HOSTS", () => Result.getOrThrow(WebPages.make({ hosts }, { allows: () => false })))
  const maxBodyBytes = reader.number("MAX_BODY_BYTES")
  const guardDocs = reader.flag("GUARD_DOCS")
  const guardMetrics = reader.flag("GUARD_METRICS")
  return {
    ...(guardDocs !== undefined && { guardDocs }),
    ...(guardMetrics !== undefined && { guardMetrics }),
    ...(trustedProxies !== undefined && { trustedProxies }),
    ...(forwardedHeader !== undefined && { forwardedHeader }),
    ...(cors !== undefined && { cors }),
    ...(hosts !== undefined && { hosts }),
    ...(maxBodyBytes !== undefined && { maxBodyBytes })
  }
}

/** The table of all settings, by their whole names. */
export const table: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(SETTINGS).map(([name, what]) => [`LEVADA_${name}`, what])
)
