/** Synchronous cryptography of the runtime: Node, Bun and Deno all have `node:crypto`. */

/** The part of `node:crypto` that this folder uses. */
export interface NodeCrypto {
  readonly createHash: (algorithm: "sha256") => {
    readonly update: (text: string, encoding: "utf8") => { readonly digest: () => Uint8Array }
  }
  /** Compares two arrays of equal length in constant time. */
  readonly timingSafeEqual: (left: Uint8Array, right: Uint8Array) => boolean
  readonly randomBytes: (length: number) => Uint8Array
}

/**
 * The runtime's `node:crypto`; throws if there is none. It is looked up only when needed, so that a program with open access
 * also runs on other runtimes.
 */
export const nodeCrypto = (): NodeCrypto => {
  const { process } = globalThis as {
    readonly process?: { readonly getBuiltinModule?: (name: string) => unknown }
  }
  const found = process?.getBuiltinModule?.("node:crypto")
  if (found === undefined)
    throw new Error("API keys and tokens need a runtime with `node:crypto`: Node 22, Bun or Deno")
  return found as NodeCrypto
}

/** SHA-256 of a text in UTF-8. It is safe for random keys, but not for passwords. */
export const sha256 = (crypto: NodeCrypto, text: string): Uint8Array =>
  crypto.createHash("sha256").update(text, "utf8").digest()

/** Converts bytes to hexadecimal digits. */
export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

/** 256 random bits as base64url text. */
export const randomText = (crypto: NodeCrypto): string =>
  btoa(String.fromCharCode(...crypto.randomBytes(32)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "")
