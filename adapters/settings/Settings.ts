/** Reads access and server options from environment variables. All of them are checked before any is used. */

import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Access from "../../core/access/Access.ts"
import type { Authenticator } from "../../core/access/Authenticator.ts"
import * as Store from "../../core/StoreModule.ts"
import { parseNetwork } from "../../core/values/Address.ts"
import type { InvalidOption, StoreUnavailable } from "../../core/values/Errors.ts"
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

/** Invalid settings, with every problem. Values that may be secret are not quoted. */
export class InvalidSettings extends Failure<"InvalidSettings"> {
  readonly problems: ReadonlyArray<Problem>
  constructor(problems: ReadonlyArray<Problem>) {
    super("InvalidSettings", problems.map(sentence).join("\n"))
    this.problems = problems
  }
}

/** Some messages begin with a verb whose subject is the setting. */
const sentence = ({ setting, message }: Problem): string =>
  /^(?:is|has|must) /.test(message) ? `${setting} ${message}` : `${setting}: ${message}`

/** The options for `Levada.make`. */
export interface Settings extends Omit<Handler.Options, "basePath"> {
  readonly access: Access.Access
  /** Where runs are stored; absent: the choice of the program. */
  readonly store?: Layer.Layer<Store.Store, InvalidOption | StoreUnavailable>
}

/** The settings, without the prefix `LEVADA_`, and the values that they take. */
const SETTINGS = {
  SECURITY_ENABLED:
    "true or false: whether callers must authenticate; true by default if any other setting of access is present",
  AUTH_PROVIDER: "'api_key', 'jwt' or 'both'; by default the ones that have settings",
  API_KEYS: 'JSON: {"key":{"role":"admin","pipelines":["*"],"permissions":["read","execute","admin"]}}',
  ROLES: 'JSON: {"admin":{"pipelines":["*"],"permissions":["read","execute","admin"]}}',
  PIPELINE_ACLS: 'JSON: {"my_pipeline":{"read":["admin","viewer"],"execute":["admin"]}}',
  JWT_SECRET: "the secret that tokens are signed with (HS256), 32 bytes or more",
  JWT_PUBLIC_KEY: "the public key that tokens are verified with, in PEM",
  JWT_JWKS_URL: "the URL of the public keys (JWKS)",
  JWT_ALGORITHMS: "the accepted algorithms, such as 'RS256,ES256'",
  JWT_ISSUER: "the required issuer of a token",
  JWT_AUDIENCE: "the required audience of a token",
  JWT_ROLE_CLAIM: "the claim with the roles, such as 'realm_access.roles'; by default 'role'",
  JWT_CLOCK_TOLERANCE: "the accepted clock difference, in seconds; by default 5",
  RATE_LIMIT_READ: "'N/period', such as '600/minute', per address and per principal",
  RATE_LIMIT_EXECUTE: "'N/period', such as '10/minute', per address and per principal",
  RATE_LIMIT_ADMIN: "'N/period', such as '60/hour', per address and per principal",
  RATE_LIMIT_FAILED: "'N/period', per address: how many requests may fail authentication; by default '100/minute'",
  REQUIRE_HTTPS: "true or false: whether unencrypted requests are refused",
  TRUSTED_PROXIES: "addresses and networks of proxies, such as '127.0.0.1,10.0.0.0/8'",
  FORWARDED_HEADER: "x-forwarded-for or forwarded: the header that the trusted proxies write",
  HOSTS: "names of the server while access is open, besides those of this machine, such as 'levada.internal', or '*'",
  CORS_ORIGINS: "origins whose pages may read answers, such as 'https://app.example.com', or '*'",
  CORS_CREDENTIALS: "true or false: whether browsers may send cookies",
  GUARD_DOCS: "true or false: whether the API's documentation needs the permission 'read'",
  GUARD_METRICS: "true or false: whether metrics need the permission 'read'",
  DASHBOARD: "true or false: whether the built-in page is served at /dashboard; by default true",
  MAX_BODY_BYTES: "a whole number: the longest request body, in bytes",
  STORE: "'memory', 'sqlite:' and the path of a file, or the URL of a Redis, such as 'redis://localhost:6379'"
} as const

/** The name of a setting, without the prefix `LEVADA_`. */
export type Name = keyof typeof SETTINGS

/** The settings that have no effect while access is open. */
const ACCESS_SETTINGS: ReadonlyArray<Name> = [
  ...(["AUTH_PROVIDER", "API_KEYS", "ROLES", "PIPELINE_ACLS", "JWT_SECRET", "JWT_PUBLIC_KEY", "JWT_JWKS_URL"] as const),
  ...(["JWT_ALGORITHMS", "JWT_ISSUER", "JWT_AUDIENCE", "JWT_ROLE_CLAIM", "JWT_CLOCK_TOLERANCE"] as const),
  ...(["RATE_LIMIT_READ", "RATE_LIMIT_EXECUTE", "RATE_LIMIT_ADMIN", "RATE_LIMIT_FAILED"] as const),
  "REQUIRE_HTTPS"
]
const JWT_SETTINGS = ACCESS_SETTINGS.filter((name) => name.startsWith("JWT_"))

/**
 * Reads the environment variables that begin with `LEVADA_`. Rejects with `InvalidSettings` if one is unknown, invalid, or
 * contradicts another. If no setting decides about access, it is `otherwise`; without that, `read` rejects.
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
  const isSecured =
    reader.flag("SECURITY_ENABLED") ?? (ACCESS_SETTINGS.some((name) => reader.has(name)) ? true : undefined)
  const access =
    isSecured === true ? await secured(reader) : isSecured === false ? open(reader) : (otherwise ?? missing(reader))
  const settings = serverOptions(reader)
  const store = await storeOf(reader)
  if (access === undefined || reader.problems.length > 0) throw new InvalidSettings(reader.problems)
  return { ...settings, ...(store !== undefined && { store }), access }
}

/** The Store that the settings name. Its adapter is loaded only then. */
const storeOf = async (reader: Reader<Name>): Promise<Settings["store"]> => {
  const text = reader.text("STORE")
  if (text === undefined) return undefined
  if (text === "memory") return Store.layerMemory()
  if (/^sqlite:.+/.test(text)) {
    const { SqliteStore } = await import("../sqlite/index.ts")
    return SqliteStore.layer({ file: text.slice("sqlite:".length) })
  }
  if (/^rediss?:\/\//.test(text)) {
    const { RedisStore } = await import("../redis/index.ts")
    return RedisStore.layer({ url: text })
  }
  return reader.refuse("STORE", `expected ${SETTINGS.STORE}`)
}

const missing = (reader: Reader<Name>): undefined =>
  reader.refuse(
    "SECURITY_ENABLED",
    "is missing. Set it to true together with LEVADA_API_KEYS or LEVADA_JWT_SECRET, or to false to give everyone access"
  )

const open = (reader: Reader<Name>): Access.Access => {
  for (const name of ACCESS_SETTINGS) {
    if (reader.has(name)) reader.refuse(name, "has no effect with LEVADA_SECURITY_ENABLED=false; remove one of the two")
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
      reader.refuse("API_KEYS", "has no effect with LEVADA_AUTH_PROVIDER=jwt; set that to 'both' or remove it")
  } else if (!reader.has("API_KEYS"))
    reader.refuse("API_KEYS", "is missing: without a key no request is accepted. `levada-key` makes one")
  else if (keys !== undefined)
    reader.attempt("API_KEYS", () => authenticators.push(ApiKeys.make(keys, "LEVADA_API_KEYS")))
  if (provider === "api_key") {
    for (const name of JWT_SETTINGS) {
      if (reader.has(name))
        reader.refuse(name, "has no effect with LEVADA_AUTH_PROVIDER=api_key; set that to 'both' or remove it")
    }
  } else if (!hasJwt)
    reader.refuse(
      "JWT_SECRET",
      "is missing, and so are LEVADA_JWT_PUBLIC_KEY and LEVADA_JWT_JWKS_URL: one of them is needed to verify tokens"
    )
  else await jwt(reader, authenticators)

  const roles = reader.json<NonNullable<Access.Options["roles"]>>("ROLES")
  const acls = reader.json<NonNullable<Access.Options["acls"]>>("PIPELINE_ACLS")
  const limits = Object.fromEntries(
    (["READ", "EXECUTE", "ADMIN"] as const).flatMap((kind) => {
      const text = reader.text(`RATE_LIMIT_${kind}`)
      const rate = text === undefined ? undefined : Rate.parse(`LEVADA_RATE_LIMIT_${kind}`, text)
      if (rate !== undefined && Result.isFailure(rate)) {
        reader.refuse(`RATE_LIMIT_${kind}`, `expected ${rate.failure.expected}`)
      }
      return rate === undefined || Result.isFailure(rate) ? [] : [[kind.toLowerCase(), text]]
    })
  ) as Access.Limits
  const requireHttps = reader.flag("REQUIRE_HTTPS") ?? false
  const failed = reader.text("RATE_LIMIT_FAILED")
  const rate = failed === undefined ? undefined : Rate.parse("LEVADA_RATE_LIMIT_FAILED", failed)
  if (rate !== undefined && Result.isFailure(rate)) {
    reader.refuse("RATE_LIMIT_FAILED", `expected ${rate.failure.expected}`)
  }
  if (reader.problems.length > 0) return undefined
  const options = { authenticators, limits, requireHttps, failuresByAddress: failed, tokens: Tokens.make() }
  reader.attempt("ROLES", () => Access.secured({ ...options, roles }))
  return reader.attempt("PIPELINE_ACLS", () => Access.secured({ ...options, roles, acls }))
}

const jwt = async (reader: Reader<Name>, authenticators: Array<Authenticator>): Promise<void> => {
  const secret = reader.text("JWT_SECRET")
  const options: JwtOptions = {
    secret,
    // Environment files often have a key on one line, with `\n` for line breaks.
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
  reader.attempt(name, () => authenticators.push(make(options)))
}

/** Reads the options of the server itself. */
const serverOptions = (reader: Reader<Name>): Omit<Settings, "access"> => {
  const trustedProxies = reader.list("TRUSTED_PROXIES")
  for (const network of trustedProxies ?? []) {
    if (parseNetwork(network) === undefined)
      reader.refuse("TRUSTED_PROXIES", `'${network}' is neither an address nor a network such as '10.0.0.0/8'`)
  }
  const forwardedHeader = reader.among("FORWARDED_HEADER", FORWARDED_HEADERS)
  if (forwardedHeader !== undefined && trustedProxies === undefined) {
    reader.refuse("FORWARDED_HEADER", "has no effect without LEVADA_TRUSTED_PROXIES")
  }
  const origins = reader.list("CORS_ORIGINS")
  const credentials = reader.flag("CORS_CREDENTIALS")
  if (credentials !== undefined && origins === undefined)
    reader.refuse("CORS_CREDENTIALS", "has no effect without LEVADA_CORS_ORIGINS")
  const cors: Cors.Options | undefined =
    origins === undefined ? undefined : { origins, ...(credentials !== undefined && { credentials }) }
  if (cors !== undefined) reader.attempt("CORS_ORIGINS", () => Result.getOrThrow(Cors.make(cors)))
  const hosts = reader.list("HOSTS")
  if (hosts !== undefined)
    reader.attempt("HOSTS", () => Result.getOrThrow(WebPages.make({ hosts }, { allows: () => false })))
  const maxBodyBytes = reader.number("MAX_BODY_BYTES")
  const guardDocs = reader.flag("GUARD_DOCS")
  const dashboard = reader.flag("DASHBOARD")
  const guardMetrics = reader.flag("GUARD_METRICS")
  return {
    ...(guardDocs !== undefined && { guardDocs }),
    ...(guardMetrics !== undefined && { guardMetrics }),
    ...(dashboard !== undefined && { dashboard }),
    ...(trustedProxies !== undefined && { trustedProxies }),
    ...(forwardedHeader !== undefined && { forwardedHeader }),
    ...(cors !== undefined && { cors }),
    ...(hosts !== undefined && { hosts }),
    ...(maxBodyBytes !== undefined && { maxBodyBytes })
  }
}

/** All settings by their full names, with the values that they take. */
export const table: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(SETTINGS).map(([name, what]) => [`LEVADA_${name}`, what])
)
