/** Checks the options of a client. */
import { ClientError } from "./ClientError.ts"
import type { Options } from "./Sender.ts"

/** Checks options at run time, and makes the URL absolute. The error does not show credentials. */
export const valid = (options: Options): Options => {
  const url = address(Object(options).url)
  const { apiKey, token, retries = 0, maxDelayMillis = 0, fetch = globalThis.fetch } = options
  if (!isCredential(apiKey)) throw refused("apiKey", CREDENTIAL)
  if (!isCredential(token)) throw refused("token", CREDENTIAL)
  if (!Number.isSafeInteger(retries) || retries < 0) throw refused("retries", "a whole number, 0 or more")
  if (typeof maxDelayMillis !== "number" || !(maxDelayMillis >= 0))
    throw refused("maxDelayMillis", "a number, 0 or more")
  if (typeof fetch !== "function") throw refused("fetch", "a function")
  return { ...options, url }
}

const CREDENTIAL = "a string or a function"

const isCredential = (value: unknown): boolean => /undefined|string|function/.test(typeof value)

const refused = (option: string, expected: string): ClientError =>
  new ClientError(0, { error: "InvalidOptionError", message: `Option '${option}': expected ${expected}` })

/** An absolute URL. In a browser it may be relative to the page. */
const address = (url: unknown): string => {
  const { location } = globalThis as { readonly location?: { readonly href: string } }
  const found = typeof url === "string" && URL.canParse(url, location?.href) ? new URL(url, location?.href) : undefined
  if (found === undefined || !/^https?:$/.test(found.protocol)) {
    throw refused("url", `an HTTP URL, received '${typeof url === "string" ? url : typeof url}'`)
  }
  return found.href
}
