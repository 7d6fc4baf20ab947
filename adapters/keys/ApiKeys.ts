/** Authenticates callers by API keys. The entry of a key says what its holder may do. */
import * as Effect from "effect/Effect"
import { invalidGrant } from "../../core/access/Access.ts"
import type { Authenticator, Rejection } from "../../core/access/Authenticator.ts"
import { InvalidOption, Unauthenticated, UnknownApiKey } from "../../core/values/Errors.ts"
import { MAX_NAME_LENGTH } from "../../core/values/Name.ts"
import * as OptionCheck from "../../core/values/OptionCheck.ts"
import { expiryOf, type Grant, type Principal } from "../../core/values/Principal.ts"
import * as Text from "../../core/values/Text.ts"
import { type NodeCrypto, nodeCrypto, randomText, sha256, toHex } from "./NodeCrypto.ts"

/** The entry of a key. */
export interface ApiKey extends Grant {
  /** The role that ACLs name. */
  readonly role: string
  /** The principal's id in limits and the audit log. An old key and its replacement may share one. Default: `key-` and 8 digits of the key's hash. */
  readonly id?: string | undefined
  /** When the key expires: an ISO 8601 instant with a time zone. Default: never. */
  readonly expires?: string | undefined
}

/** The prefix of a hash that stands for a key. */
const HASHED = "sha256:"

/** The longest key, in UTF-16 units. */
const MAX_LENGTH = 512

/** Shorter keys are weak: easy to guess. */
const MIN_LENGTH = 16

interface StoredKey {
  readonly digest: Uint8Array
  readonly principal: Principal
  readonly weakness: string | undefined
}

/**
 * An authenticator for API keys. Give each key in plain text, or as `sha256:` and its hash in 64 hexadecimal digits, so that
 * the configuration holds no secret. To replace a key, list the old and the new one for a while. Throws `InvalidOption` for
 * an invalid entry; no failure quotes a key. A key of fewer than 16 characters is weak: the server warns about it, by the name
 * of the `setting`, and listens on this machine only.
 */
export const make = (keys: Readonly<Record<string, ApiKey>>, setting = "apiKeys"): Authenticator => {
  const mistake = OptionCheck.required(OptionCheck.record, "apiKeys", keys, "an object of keys")
  if (mistake !== undefined) throw mistake
  const crypto = nodeCrypto()
  const stored = Object.entries(keys).map(([key, entry], at) => toStoredKey(crypto, key, entry, `${setting}[${at}]`))
  if (stored.length === 0)
    throw new InvalidOption("apiKeys", keys, "at least one key", "apiKeys is empty: give at least one key")
  return {
    scheme: "ApiKey",
    weaknesses: stored.flatMap(({ weakness }) => weakness ?? []),
    roles: [...new Set(stored.flatMap(({ principal }) => principal.roles))],
    authenticate: ({ apiKey }, nowMillis) =>
      apiKey === undefined ? undefined : find(crypto, stored, apiKey, nowMillis)
  }
}

const toStoredKey = (crypto: NodeCrypto, key: string, entry: ApiKey, option: string): StoredKey => {
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
    const expected = "64 hexadecimal digits after 'sha256:'"
    throw new InvalidOption(option, undefined, expected, `${option} needs ${expected}`)
  }
  const { length } = key
  if (!Text.isKey(key, MAX_LENGTH)) {
    const expected = Text.keyRule(MAX_LENGTH)
    throw new InvalidOption(
      option,
      undefined,
      expected,
      `${option} has a key of ${length} characters; expected ${expected}`
    )
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

/** Compares the hash with all keys in constant time, so that the duration does not help an attacker to guess. */
const find = (
  crypto: NodeCrypto,
  stored: ReadonlyArray<StoredKey>,
  apiKey: string,
  nowMillis: number
): Principal | Effect.Effect<never, Rejection> => {
  if (apiKey === "") return Effect.fail(new Unauthenticated("The API key is empty", true))
  const digest = sha256(crypto, apiKey.slice(0, MAX_LENGTH + 1))
  let found: StoredKey | undefined
  for (const each of stored) {
    if (crypto.timingSafeEqual(each.digest, digest) && expiryOf(each.principal) > nowMillis) found = each
  }
  return found === undefined ? Effect.fail(new UnknownApiKey()) : found.principal
}

/** Makes a random key of 256 bits, and its hashed form for the configuration. */
export const generate = (): { readonly key: string; readonly hashed: string } => {
  const crypto = nodeCrypto()
  const key = `lvk_${randomText(crypto)}`
  return { key, hashed: `${HASHED}${toHex(sha256(crypto, key))}` }
}
