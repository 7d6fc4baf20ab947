/** Makes the short-lived tokens that are given out for one pipeline or one run. */
import type { TokenMaker } from "../../core/store/Tokens.ts"
import { nodeCrypto, randomText, sha256, toHex } from "./NodeCrypto.ts"

/** `lvt_` and 256 bits. */
const TOKEN = /^lvt_[\w-]{43}$/

/** Makes tokens of 256 bits. Servers on one Store take each other's. */
export const make = (): TokenMaker => {
  const crypto = nodeCrypto()
  const digest = (token: string): string => toHex(sha256(crypto, token))
  return {
    make: () => {
      const token = `lvt_${randomText(crypto)}`
      return { token, digest: digest(token) }
    },
    digest: (token) => (TOKEN.test(token) ? digest(token) : undefined)
  }
}
