/** How requests are sent: with credentials, within a time, and again where that is right. */
import { ClientError, errorOf } from "./ClientError.ts"

/** A value, or what gets one whenever it is needed. */
export type Credential = string | (() => string | Promise<string>)

/** Where the API is, and how it is asked. */
export interface Options {
  /** The address of the API, with the path that it is mounted at. */
  readonly url: string
  /** Sent as `X-API-Key`. */
  readonly apiKey?: Credential
  /** Sent as a bearer token. A function is asked anew for each request, so that it can renew what expires. */
  readonly token?: Credential
  /** How often a request is sent again when the server can't take it now (429, 503), or can't be reached. Default: 5. */
  readonly retries?: number
  /** The longest wait before that, in milliseconds; one that the server asks for and that is longer ends in its answer. Default: 30,000. */
  readonly maxDelayMillis?: number
  /** What sends requests. Default: the runtime's `fetch`. */
  readonly fetch?: (request: string, init: RequestInit) => Promise<Response>
}

/** A request. */
export interface Sending {
  readonly method: "GET" | "POST" | "DELETE"
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** JSON text. */
  readonly body?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Whether it may be sent again although nobody knows what has become of it: it does the same once and twice. */
  readonly isRepeatable: boolean
}

const RETRIES = 5
const MAX_DELAY_MILLIS = 30_000
const FIRST_DELAY_MILLIS = 200

/** Sends requests to one server. */
export class Sender {
  readonly #options: Options
  readonly #url: string

  constructor(options: Options) {
    this.#options = options
    this.#url = address(Object(options).url)
    check(options)
  }

  /** The first answer that is not to be asked for again; rejects with `ClientError` unless its status is 2xx. */
  async send(sending: Sending): Promise<Response> {
    const { retries = RETRIES, maxDelayMillis = MAX_DELAY_MILLIS } = this.#options
    for (let failures = 0; ; failures++) {
      let error: ClientError
      let asked: number | undefined
      try {
        const response = await this.#once(sending)
        if (response.ok) return response
        asked = retryAfter(response)
        error = await errorOf(response)
        // Refused before anything was done, unless the Store was lost on the way.
        if (error.status !== 429 && !(error.status === 503 && sending.isRepeatable)) throw error
      } catch (failure) {
        if (failure instanceof ClientError && failure.status !== 0) throw failure
        error = failure as ClientError
        if (!sending.isRepeatable || sending.signal?.aborted) throw failure
      }
      const delay = asked ?? this.delayAfter(failures)
      if (failures >= retries || delay > maxDelayMillis) throw error
      await sleep(delay, sending.signal)
    }
  }

  /** The wait after so many failures: twice as long each time, and never quite the same. */
  delayAfter(failures: number): number {
    const { maxDelayMillis = MAX_DELAY_MILLIS } = this.#options
    return Math.min(FIRST_DELAY_MILLIS * 2 ** failures, maxDelayMillis) * (0.5 + Math.random() / 2)
  }

  async #once({ method, path, headers, body, signal }: Sending): Promise<Response> {
    const { apiKey, token, fetch = globalThis.fetch } = this.#options
    const sent: Record<string, string> = { ...headers }
    if (body !== undefined) sent["content-type"] = "application/json"
    if (apiKey !== undefined) sent["x-api-key"] = await current(apiKey)
    if (token !== undefined) sent["authorization"] = `Bearer ${await current(token)}`
    try {
      return await fetch(this.#url + path, {
        method,
        headers: sent,
        ...(body !== undefined && { body }),
        ...(signal !== undefined && { signal })
      })
    } catch (cause) {
      if (signal?.aborted) throw signal.reason
      const { origin } = new URL(this.#url)
      throw new ClientError(0, { error: "ConnectionError", message: `Cannot reach ${origin}` }, undefined, { cause })
    }
  }
}

/** Refuses options that can't be used, whatever the types say. Credentials are not shown. */
const check = ({ apiKey, token, retries = 0, maxDelayMillis = 0, fetch = sleep as never }: Options): void => {
  const fits = {
    apiKey: isCredential(apiKey),
    token: isCredential(token),
    retries: Number.isSafeInteger(retries) && retries >= 0,
    maxDelayMillis: typeof maxDelayMillis === "number" && maxDelayMillis >= 0,
    fetch: typeof fetch === "function"
  }
  for (const [option, isFine] of Object.entries(fits)) if (!isFine) throw refused(option, "a value of its type")
}

const isCredential = (value: unknown): boolean => /undefined|string|function/.test(typeof value)

const refused = (option: string, expected: string): ClientError =>
  new ClientError(0, { error: "InvalidOptionError", message: `Cannot use the ${option}: expected ${expected}` })

/** A whole address; a page may leave out where it comes from itself. */
const address = (url: unknown): string => {
  const { location } = globalThis as { readonly location?: { readonly href: string } }
  const found = typeof url === "string" && URL.canParse(url, location?.href) ? new URL(url, location?.href) : undefined
  if (found === undefined || !/^https?:$/.test(found.protocol)) {
    throw refused(
      "url",
      `one such as 'https://levada.example.com/flows', received '${typeof url === "string" ? url : typeof url}'`
    )
  }
  return found.href.replace(/\/+$/, "")
}

const current = (credential: Credential): string | Promise<string> =>
  typeof credential === "string" ? credential : credential()

/** Seconds or an instant, as milliseconds. Source: RFC 9110, 10.2.3. */
const retryAfter = ({ headers }: Response): number | undefined => {
  const value = headers.get("retry-after")
  if (value === null) return undefined
  const seconds = Number(value)
  const millis = Number.isNaN(seconds) ? Date.parse(value) - Date.now() : 1_000 * seconds
  return Number.isNaN(millis) ? undefined : Math.max(0, millis)
}

/** Waits; rejects when it is told not to any more. */
export const sleep = (millis: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const abort = (): void => {
      clearTimeout(timer)
      reject(signal!.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort)
      resolve()
    }, millis)
    signal?.addEventListener("abort", abort, { once: true })
  })
