/** API keys: who has one may do what its entry says. */
import * as Effect from "effect/Effect"
import { invalidGrant } from "../../core/access/Access.ts"
import type { Authenticator, Rejection } from "../../core/access/Authenticator.ts"
import { InvalidOption, Unauthenticated, UnknownApiKey } from "../../core/values/Errors.ts"
import { MAX_NAME_LENGTH } from "../../core/values/Name.ts"
import * as OptionCheck from "../../core/values/OptionCheck.ts"
import { expiryOf, type Grant, type Principal } from "../../core/values/Principal.ts"
import * as Text from "../../core/values/Text.ts"
import { type NodeCrypto, nodeCrypto, randomText, sha256, toHex } from "./NodeCrypto.ts"

/** What a key may do. */
export interface ApiKey extends Grant {
  /** What ACLs know it by. */
  readonly role: string
  /** Names it in limits and the audit log; keys that take turns may have one id. Default: `key-` and 8 digits of its hash. */
  readonly id?: string | undefined
  /** From when on it is no longer one: an instant in ISO 8601, with a zone. Default: never. */
  readonly expires?: string | undefined
}

/** In front of the hash of a key, where a key might stand. */
const HASHED = "sha256:"

/** The longest key, in UTF-16 units. */
const MAX_LENGTH = 512

/** A shorter one is easy to guess. */
const MIN_LENGTH = 16

interface Kept {
  readonly digest: Uint8Array
  readonly principal: Principal
  readonly weakness: string | undefined
}

/**
 * Knows API keys, each with what it may do. A key is given as it is, or as `sha256:` and its hash in 64 hexadecimal digits,
 * so that the configuration holds no secret. Several may be good at once, for one to take another's place. Throws
 * `InvalidOption` for an entry that can't be used; no failure quotes a key. One below 16 characters is warned of, by the name
 * of the `setting`, and served on this machine only.
 */
export const make = (keys: Readonly<Record<string, ApiKey>>, setting = "apiKeys"): Authenticator => {
  const mistake = OptionCheck.required(OptionCheck.record, "apiKeys", keys, "an object of keys")
  if (mistake !== undefined) throw mistake
  const crypto = nodeCrypto()
  const kept = Object.entries(keys).map(([key, entry], at) => keep(crypto, key, entry, `${setting}[${at}]`))
  if (kept.length === 0) throw new InvalidOption("apiKeys", keys, "at least one key")
  return {
    scheme: "ApiKey",
    weaknesses: kept.flatMap(({ weakness }) => weakness ?? []),
    roles: [...new Set(kept.flatMap(({ principal }) => principal.roles))],
    authenticate: ({ apiKey }, nowMillis) => (apiKey === undefined ? undefined : find(crypto, kept, apiKey, nowMillis))
  }
}

const keep = (crypto: NodeCrypto, key: string, entry: ApiKey, option: string): Kept => {
  const mistake = invalidGrant(option, entry)
  if (mistake !== undefined) throw mistake
  const { role, id, expires, pipelines, permissions } = entry
  for (const [name, value] of Object.entries({ role, id })) {
    if (name === "id" && value === undefined) continue
    if (!Text.isKey(value, MAX_NAME_LENGTH)) {
      throw new InvalidOption(`${option}.${name}`, value, Text.keyRule(MAX_NAME_LENGTH))
    }
  }
  const expiresAtMillis = typeof expires === "string" ? Date.parse(expires) : undefined
  if (
    expires !== undefined &&
    (expiresAtMillis === undefined || Number.isNaN(expiresAtMillis) || !/(?:Z|[+-]\d\d:\d\d)$/.test(expires))
  ) {
    throw new InvalidOption(`${option}.expires`, expires, "an instant such as '2027-01-31T00:00:00Z'")
  }
  const hash = key.startsWith(HASHED) ? key.slice(HASHED.length) : toHex(sha256(crypto, key))
  if (!/^[0-9a-f]{64}$/i.test(hash)) {
    throw new InvalidOption(option, "sha256:…", "64 hexadecimal digits behind 'sha256:'")
  }
  const { length } = key
  if (!Text.isKey(key, MAX_LENGTH)) {
    throw new InvalidOption(option, `a key of ${length} characters`, Text.keyRule(MAX_LENGTH))
  }
  const isWeak = !key.startsWith(HASHED) && length < MIN_LENGTH
  return {
    weakness: isWeak
      ? `${option}: a key of ${length} characters is easy to guess; use ${MIN_LENGTH} or more`
      : undefined,
    digest: Uint8Array.from({ length: 32 }, (_, at) => Number.parseInt(hash.slice(2 * at, 2 * at + 2), 16)),
    principal: {
      id: id ?? `key-${hash.slice(0, 8).toLowerCase()}`,
      roles: [role],
      grants: [{ pipelines, permissions }],
      ...(expiresAtMillis !== undefined && { expiresAtMillis })
    }
  }
}

/** All are compared, by their hashes and in constant time, so that nothing tells how near a guess was. */
const find = (
  crypto: NodeCrypto,
  kept: ReadonlyArray<Kept>,
  apiKey: string,
  nowMillis: number
): Principal | Effect.Effect<never, Rejection> => {
  if (apiKey === "") return Effect.fail(new Unauthenticated("The API key is empty", true))
  const digest = sha256(crypto, apiKey.slice(0, MAX_LENGTH + 1))
  let found: Kept | undefined
  for (const each of kept) {
    if (crypto.timingSafeEqual(each.digest, digest) && expiryOf(each.principal) > nowMillis) found = each
  }
  return found === undefined ? Effect.fail(new UnknownApiKey()) : found.principal
}

/** Makes a key that nobody can guess, and the form of it that a configuration may hold. */
export const generate = (): { readonly key: string; readonly hashed: string } => {
  const crypto = nodeCrypto()
  const key = `lvk_${randomText(crypto)}`
  return { key, hashed: `${HASHED}${toHex(sha256(crypto, key))}` }
}
