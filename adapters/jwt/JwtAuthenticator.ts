/** Authenticates callers by signed tokens (JWT, RFC 7519), verified with jose. The token names the principal and its roles. */
import * as Effect from "effect/Effect"
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  importJWK,
  importSPKI,
  type JSONWebKeySet,
  type JWK,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify
} from "jose"
import type { Authenticator, Rejection } from "../../core/access/Authenticator.ts"
import { AuthenticatorUnavailable, InvalidOption, Unauthenticated } from "../../core/values/Errors.ts"
import { listed } from "../../core/values/Failure.ts"
import * as OptionCheck from "../../core/values/OptionCheck.ts"
import { MAX_PRINCIPAL_NAME, MAX_ROLES, type Principal } from "../../core/values/Principal.ts"
import * as Text from "../../core/values/Text.ts"
import { VerifiedTokens } from "./VerifiedTokens.ts"

/** The known algorithms, by the kind of key that they use. */
const SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"] as const
const PUBLIC_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519"
] as const

/** A signature algorithm. */
export type Algorithm = (typeof SECRET_ALGORITHMS)[number] | (typeof PUBLIC_ALGORITHMS)[number]

/** The key that verifies tokens; set exactly one. */
export interface Keys {
  /** The secret that the issuer signs with, at least as long as the algorithm's hash (32 bytes for HS256). */
  readonly secret?: string | Uint8Array | undefined
  /** A public key, in PEM (SPKI) or as a JWK. */
  readonly publicKey?: string | JWK | undefined
  /**
   * A key set or its URL. It is fetched on first use, kept for ten minutes, and fetched again when a token names an unknown
   * key, at most every 30 s.
   */
  readonly jwks?: string | JSONWebKeySet | undefined
}

/** How tokens are verified. */
export interface Options extends Keys {
  /** The accepted algorithms. Default: HS256 with a secret; required with public keys. */
  readonly algorithms?: ReadonlyArray<Algorithm> | undefined
  /** The required issuer. Default: any. */
  readonly issuer?: string | ReadonlyArray<string> | undefined
  /** The required audience. Default: any. */
  readonly audience?: string | ReadonlyArray<string> | undefined
  /** The accepted difference from the issuer's clock, in seconds, from 0 to 600. Default: 5. */
  readonly clockToleranceSeconds?: number | undefined
  /** Whether to refuse a token without `exp`, which would never expire. Default: true. */
  readonly requireExpiry?: boolean | undefined
  /** The claim with the roles, or a path such as `realm_access.roles`. Its value is a text or an array of texts. Default: `role`. */
  readonly roleClaim?: string | undefined
}

/** An authenticator for signed bearer tokens. Throws `InvalidOption` for invalid options. */
export const make = (options: Options): Authenticator => {
  const mistake = invalid(options)
  if (mistake !== undefined) throw mistake
  const { issuer, audience, clockToleranceSeconds = 5, requireExpiry = true, roleClaim = "role" } = options
  const algorithms = [...algorithmsOf(options)]
  const path = roleClaim.split(".")
  const settings = {
    algorithms,
    clockTolerance: clockToleranceSeconds,
    requiredClaims: requireExpiry ? ["exp", "sub"] : ["sub"],
    ...(issuer !== undefined && { issuer: toArray(issuer) }),
    ...(audience !== undefined && { audience: toArray(audience) })
  }
  const getKey = keyOf(options, algorithms)
  const verified = new VerifiedTokens()

  const verify = async (token: string, nowMillis: number): Promise<Principal> => {
    const { payload } = await jwtVerify(token, getKey, { ...settings, currentDate: new Date(nowMillis) })
    const { sub } = payload
    if (typeof sub !== "string" || sub === "") throw new Unauthenticated("The token has no subject", true)
    // A long subject is refused and not cut: two cut subjects could become the same principal.
    if (!Text.isKey(sub, MAX_PRINCIPAL_NAME)) {
      throw new Unauthenticated(`The token's subject must be ${Text.keyRule(MAX_PRINCIPAL_NAME)}`, true)
    }
    const { exp } = payload
    const principal = {
      id: sub,
      roles: rolesOf(payload, path),
      ...(exp !== undefined && { expiresAtMillis: (exp + clockToleranceSeconds) * 1_000 })
    }
    verified.add(token, principal, nowMillis)
    return principal
  }

  return {
    scheme: "Bearer",
    authenticate: ({ bearer }, nowMillis) => {
      // A JWT has three parts; another authenticator may know other tokens.
      if (bearer === undefined || !/^[\w-]+\.[\w-]*\.[\w-]*$/.test(bearer)) return undefined
      return (
        verified.get(bearer, nowMillis) ?? Effect.tryPromise({ try: () => verify(bearer, nowMillis), catch: rejection })
      )
    }
  }
}

const toArray = (value: string | ReadonlyArray<string>): Array<string> =>
  typeof value === "string" ? [value] : [...value]

const algorithmsOf = ({ algorithms, secret }: Options): ReadonlyArray<Algorithm> =>
  algorithms ?? (secret === undefined ? [] : ["HS256"])

const bytesOf = (secret: string | Uint8Array): Uint8Array =>
  typeof secret === "string" ? new TextEncoder().encode(secret) : secret

const invalid = (options: Options): InvalidOption | undefined =>
  OptionCheck.required(OptionCheck.record, "jwt", options) ?? invalidType(options) ?? invalidKey(options)

/** The first option of a wrong type. Secrets are not shown. */
const invalidType = (options: Options): InvalidOption | undefined => {
  const { secret, publicKey, jwks, algorithms, issuer, audience } = options
  const hidden = (option: string, value: unknown, fits: boolean, expected: string) =>
    value === undefined || fits
      ? undefined
      : new InvalidOption(option, undefined, expected, `${option} is ${kindOf(value)}; expected ${expected}`)
  const isText = (value: unknown): boolean => typeof value === "string" && value !== ""
  const named = (option: string, value: unknown) =>
    value === undefined || isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText))
      ? undefined
      : new InvalidOption(option, value, "a non-empty text, or an array of non-empty texts")
  return (
    hidden("jwt.secret", secret, typeof secret === "string" || secret instanceof Uint8Array, "a text or bytes") ??
    hidden("jwt.publicKey", publicKey, isText(publicKey) || OptionCheck.isRecord(publicKey), "a PEM text or a JWK") ??
    hidden("jwt.jwks", jwks, isText(jwks) || isKeySet(jwks), "a URL or a key set") ??
    OptionCheck.texts("jwt.algorithms", algorithms, "an array of algorithms") ??
    named("jwt.issuer", issuer) ??
    named("jwt.audience", audience) ??
    OptionCheck.number("jwt.clockToleranceSeconds", options.clockToleranceSeconds, 0, 600) ??
    OptionCheck.flag("jwt.requireExpiry", options.requireExpiry) ??
    OptionCheck.text("jwt.roleClaim", options.roleClaim, MAX_CLAIM)
  )
}

/** The longest path to a claim, in UTF-16 units. */
const MAX_CLAIM = 1_000

const isKeySet = (value: unknown): boolean => OptionCheck.isRecord(value) && Array.isArray(value["keys"])

const kindOf = (value: unknown): string =>
  value === "" ? "empty" : value === null ? "null" : `a value of type ${typeof value}`

const invalidKey = (options: Options): InvalidOption | undefined => {
  const { secret, publicKey, jwks } = options
  const given = Object.entries({ secret, publicKey, jwks }).flatMap(([name, key]) => (key === undefined ? [] : [name]))
  if (given.length !== 1) {
    const expected = "exactly one of 'secret', 'publicKey' and 'jwks'"
    return new InvalidOption("jwt", options, expected, `jwt has ${listed(given)}; expected ${expected}`)
  }
  const algorithms = algorithmsOf(options)
  const allowed: ReadonlyArray<string> = secret === undefined ? PUBLIC_ALGORITHMS : SECRET_ALGORITHMS
  if (algorithms.length === 0 || algorithms.some((algorithm) => !allowed.includes(algorithm))) {
    // An algorithm for secrets would accept the public key, which everyone knows, as the secret.
    const what = secret === undefined ? "a public key" : "a secret"
    const expected = `only algorithms for ${what}, at least one: ${listed(allowed)}`
    const message = `jwt.algorithms has ${listed(algorithms)}; expected ${expected}`
    return new InvalidOption("jwt.algorithms", algorithms, expected, message)
  }
  if (secret !== undefined) {
    const least = Math.max(...algorithms.map((algorithm) => Number(algorithm.slice(2)) / 8))
    const { length } = bytesOf(secret)
    if (length < least) {
      const how = "such as 48 random bytes in base64: openssl rand -base64 48"
      const expected = `at least ${least} bytes for ${algorithms.join(", ")}, ${how}`
      return new InvalidOption(
        "jwt.secret",
        undefined,
        expected,
        `jwt.secret has ${length} bytes; expected ${expected}`
      )
    }
  }
  if (typeof publicKey === "string" && !publicKey.includes("-----BEGIN PUBLIC KEY-----")) {
    return new InvalidOption(
      "jwt.publicKey",
      publicKey.slice(0, 30),
      "a public key in PEM, '-----BEGIN PUBLIC KEY-----'"
    )
  }
  return typeof jwks === "string" && !URL.canParse(jwks)
    ? new InvalidOption("jwt.jwks", jwks, "a URL or a key set")
    : undefined
}

/** The key for a token, imported on first use. An unreadable key is noticed with the first token. */
const keyOf = ({ secret, publicKey, jwks }: Keys, algorithms: ReadonlyArray<string>): JWTVerifyGetKey => {
  if (typeof jwks === "string") return createRemoteJWKSet(new URL(jwks))
  if (jwks !== undefined) return createLocalJWKSet(jwks)
  if (secret !== undefined) {
    const bytes = bytesOf(secret)
    return async () => bytes
  }
  const imported = new Map<string, Promise<CryptoKey | Uint8Array>>()
  return ({ alg }) => {
    const algorithm = algorithms.find((each) => each === alg) ?? algorithms[0]!
    let key = imported.get(algorithm)
    if (key === undefined) {
      key = typeof publicKey === "string" ? importSPKI(publicKey, algorithm) : importJWK(publicKey!, algorithm)
      imported.set(algorithm, key)
    }
    return key
  }
}

const rolesOf = (payload: JWTPayload, path: ReadonlyArray<string>): ReadonlyArray<string> => {
  let value: unknown = payload
  for (const key of path) {
    value =
      typeof value === "object" && value !== null && Object.hasOwn(value, key) ? (value as JWTPayload)[key] : undefined
  }
  // Drops values that cannot be role names.
  const roles = (Array.isArray(value) ? value : [value]).filter((role) => Text.isKey(role, MAX_PRINCIPAL_NAME))
  return roles.slice(0, MAX_ROLES)
}

/** Why a token is invalid, by jose's error code. Other errors are not the token's fault. */
const MESSAGES: Readonly<Record<string, string>> = {
  ERR_JWT_EXPIRED: "The token has expired",
  ERR_JWT_CLAIM_VALIDATION_FAILED: "A claim of the token is missing or has a wrong value",
  ERR_JWT_INVALID: "The token is malformed",
  ERR_JWS_INVALID: "The token is malformed",
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "The token is not signed with a trusted key",
  ERR_JOSE_ALG_NOT_ALLOWED: "The token's algorithm is not accepted",
  ERR_JOSE_NOT_SUPPORTED: "The token's algorithm is not accepted",
  ERR_JWKS_NO_MATCHING_KEY: "The token is not signed with a trusted key",
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: "Several keys fit the token; it must name its key (kid)"
}

const rejection = (error: unknown): Rejection => {
  if (error instanceof Unauthenticated) return error
  const why = error instanceof errors.JOSEError ? MESSAGES[error.code] : undefined
  return why === undefined ? new AuthenticatorUnavailable() : new Unauthenticated(why, true)
}
