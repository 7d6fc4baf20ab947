/** What the runtime has of cryptography, at once and without a Promise: Node, Bun and Deno all have `node:crypto`. */

/** What this uses of `node:crypto`. */
export interface NodeCrypto {
  readonly createHash: (algorithm: "sha256") => {
    readonly update: (text: string, encoding: "utf8") => { readonly digest: () => Uint8Array }
  }
  /** Whether two arrays of one length are the same, in a time that does not tell where they differ. */
  readonly timingSafeEqual: (left: Uint8Array, right: Uint8Array) => boolean
  readonly randomBytes: (length: number) => Uint8Array
}

/**
 * The runtime's `node:crypto`. Asked for when it is needed, so that a program which is open to everybody runs where there
 * is none. Throws when there is none.
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

/** SHA-256 of a text in UTF-8. Enough for what nobody can guess; it would not be for passwords. */
export const sha256 = (crypto: NodeCrypto, text: string): Uint8Array =>
  crypto.createHash("sha256").update(text, "utf8").digest()

/** As hexadecimal digits. */
export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

/** 256 bits that nobody can guess, in characters that need no escape anywhere. */
export const randomText = (crypto: NodeCrypto): string =>
  btoa(String.fromCharCode(...crypto.randomBytes(32)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "")
