/** Checks the options of a client. */
import { ClientError } from "./ClientError.ts"
import type { Options } from "./Sender.ts"

/**
 * Checks options at run time, and makes the URL absolute, without slashes at its end; in a browser it may be relative to the page.
 * The error does not show credentials.
 */
export const valid = (options: Options): Options => {
  const { url, apiKey, token, retries = 0, maxDelayMillis = 0, fetch = valid } = Object(options) as Options
  const base = (globalThis as { readonly location?: { readonly href: string } }).location?.href
  const href = typeof url === "string" && URL.canParse(url, base) ? new URL(url, base).href : ""
  if (!/^https?:/.test(href)) {
    throw refused("url", `an HTTP URL, received '${typeof url === "string" ? url : typeof url}'`)
  }
  for (const [name, credential] of Object.entries({ apiKey, token })) {
    if (!/undefined|string|function/.test(typeof credential)) throw refused(name, "a string or a function")
  }
  if (!(Number.isSafeInteger(retries) && retries >= 0)) throw refused("retries", "a whole number, 0 or more")
  if (!(typeof maxDelayMillis === "number" && maxDelayMillis >= 0)) {
    throw refused("maxDelayMillis", "a number, 0 or more")
  }
  if (typeof fetch !== "function") throw refused("fetch", "a function")
  return { ...options, url: href.replace(/\/+$/, "") }
}

const refused = (option: string, expected: string): ClientError =>
  new ClientError(0, { error: "InvalidOptionError", message: `Option '${option}': expected ${expected}` })
