/** Signed tokens (RFC 7519), verified by jose: who has one is its subject, with the roles that it names. */
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
import * as OptionCheck from "../../core/values/OptionCheck.ts"
import { MAX_PRINCIPAL_NAME, MAX_ROLES, type Principal } from "../../core/values/Principal.ts"
import * as Text from "../../core/values/Text.ts"
import { Verified } from "./Verified.ts"

/** The algorithms that are known, by the kind of key that they take. */
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

/** A way to sign. */
export type Algorithm = (typeof SECRET_ALGORITHMS)[number] | (typeof PUBLIC_ALGORITHMS)[number]

/** What tokens are verified with; exactly one of these. */
export interface Keys {
  /** What the issuer signs with too: as many bytes as the algorithm's hash has, at least (32 for HS256). */
  readonly secret?: string | Uint8Array | undefined
  /** A public key, in PEM (SPKI) or as a JWK. */
  readonly publicKey?: string | JWK | undefined
  /**
   * A key set, or where one is: fetched when needed, kept for ten minutes, and fetched again when a token names a key that
   * is not in it, every 30 s at most.
   */
  readonly jwks?: string | JSONWebKeySet | undefined
}

/** How tokens are verified. */
export interface Options extends Keys {
  /** The only algorithms that are taken, whatever a token says. Default: HS256 with a secret; else it has to be said. */
  readonly algorithms?: ReadonlyArray<Algorithm> | undefined
  /** Who has to have issued the token. Default: anybody who can sign it. */
  readonly issuer?: string | ReadonlyArray<string> | undefined
  /** Whom it has to be for. Default: anybody. */
  readonly audience?: string | ReadonlyArray<string> | undefined
  /** How far the issuer's clock may be off, in seconds. Default: 5. */
  readonly clockToleranceSeconds?: number | undefined
  /** Whether a token without `exp` is refused: it would be good for ever. Default: true. */
  readonly requireExpiry?: boolean | undefined
  /** Where the roles are: a claim, or a path through claims such as `realm_access.roles`; a text or an array. Default: `role`. */
  readonly roleClaim?: string | undefined
}

/** An authenticator for signed bearer tokens. Throws `InvalidOption` for options that can't be used. */
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
    ...(issuer !== undefined && { issuer: many(issuer) }),
    ...(audience !== undefined && { audience: many(audience) })
  }
  const getKey = keyOf(options, algorithms)
  const verified = new Verified()

  const verify = async (token: string, nowMillis: number): Promise<Principal> => {
    const { payload } = await jwtVerify(token, getKey, { ...settings, currentDate: new Date(nowMillis) })
    const { sub } = payload
    if (typeof sub !== "string" || sub === "") throw new Unauthenticated("The token names nobody", true)
    // Cut, two subjects could be one principal.
    if (!Text.isKey(sub, MAX_PRINCIPAL_NAME)) {
      throw new Unauthenticated(`The token's subject has to be ${Text.keyRule(MAX_PRINCIPAL_NAME)}`, true)
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
      // Three parts, or it is somebody else's token.
      if (bearer === undefined || !/^[\w-]+\.[\w-]*\.[\w-]*$/.test(bearer)) return undefined
      return (
        verified.get(bearer, nowMillis) ?? Effect.tryPromise({ try: () => verify(bearer, nowMillis), catch: rejection })
      )
    }
  }
}

const many = (value: string | ReadonlyArray<string>): Array<string> =>
  typeof value === "string" ? [value] : [...value]

const algorithmsOf = ({ algorithms, secret }: Options): ReadonlyArray<Algorithm> =>
  algorithms ?? (secret === undefined ? [] : ["HS256"])

const bytesOf = (secret: string | Uint8Array): Uint8Array =>
  typeof secret === "string" ? new TextEncoder().encode(secret) : secret

const invalid = (options: Options): InvalidOption | undefined =>
  OptionCheck.required(OptionCheck.record, "jwt", options) ?? wrongKind(options) ?? wrongKey(options)

/** What is of another kind than it has to be. A secret is never shown. */
const wrongKind = (options: Options): InvalidOption | undefined => {
  const { secret, publicKey, jwks, algorithms, issuer, audience } = options
  const hidden = (option: string, value: unknown, fits: boolean, expected: string) =>
    value === undefined || fits ? undefined : new InvalidOption(option, kindOf(value), expected)
  const isText = (value: unknown): boolean => typeof value === "string" && value !== ""
  const named = (option: string, value: unknown) =>
    value === undefined || isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText))
      ? undefined
      : new InvalidOption(option, value, "a text, or an array of texts, none of them empty")
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

const kindOf = (value: unknown): string => (value === null ? "null" : typeof value)

const wrongKey = (options: Options): InvalidOption | undefined => {
  const { secret, publicKey, jwks } = options
  if ([secret, publicKey, jwks].filter((key) => key !== undefined).length !== 1) {
    return new InvalidOption("jwt", options, "exactly one of `secret`, `publicKey` and `jwks`")
  }
  const algorithms = algorithmsOf(options)
  const allowed: ReadonlyArray<string> = secret === undefined ? PUBLIC_ALGORITHMS : SECRET_ALGORITHMS
  if (algorithms.length === 0 || algorithms.some((algorithm) => !allowed.includes(algorithm))) {
    // One that takes a secret would take a public key, which everybody has, for one.
    const what = secret === undefined ? "a public key" : "a secret"
    return new InvalidOption("jwt.algorithms", algorithms.join(", "), `at least one for ${what}: ${allowed.join(", ")}`)
  }
  if (secret !== undefined) {
    const least = Math.max(...algorithms.map((algorithm) => Number(algorithm.slice(2)) / 8))
    const { length } = bytesOf(secret)
    if (length < least) {
      const how = "such as 48 random bytes in base64: openssl rand -base64 48"
      return new InvalidOption(
        "jwt.secret",
        `a secret of ${length} bytes`,
        `at least ${least} bytes for ${algorithms.join(", ")}, ${how}`
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

/** The key for a token; imported once. A key that can't be read is found with the first token. */
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
  // Others are none that an ACL or a grant could name.
  const roles = (Array.isArray(value) ? value : [value]).filter((role) => Text.isKey(role, MAX_PRINCIPAL_NAME))
  return roles.slice(0, MAX_ROLES)
}

/** What a token can be wrong with, by jose's codes. Anything else is not the token's fault. */
const WRONG: Readonly<Record<string, string>> = {
  ERR_JWT_EXPIRED: "The token has expired",
  ERR_JWT_CLAIM_VALIDATION_FAILED: "The token lacks a claim, or has one that is not as it should be",
  ERR_JWT_INVALID: "The token is malformed",
  ERR_JWS_INVALID: "The token is malformed",
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "The token's signature is not by a key that is trusted here",
  ERR_JOSE_ALG_NOT_ALLOWED: "The token's algorithm is not taken here",
  ERR_JOSE_NOT_SUPPORTED: "The token's algorithm is not taken here",
  ERR_JWKS_NO_MATCHING_KEY: "The token's signature is not by a key that is trusted here",
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: "The token does not say which of several keys it was signed with"
}

const rejection = (error: unknown): Rejection => {
  if (error instanceof Unauthenticated) return error
  const why = error instanceof errors.JOSEError ? WRONG[error.code] : undefined
  return why === undefined ? new AuthenticatorUnavailable() : new Unauthenticated(why, true)
}
