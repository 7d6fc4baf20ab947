/** Sends requests with credentials, and repeats them where that is safe. */
import { ClientError, errorOf } from "./ClientError.ts"

/** A credential, or a function that gets one for each request. */
export type Credential = string | (() => string | Promise<string>)

/** Options of a client. */
export interface Options {
  /** The URL of the API, including the path that it is mounted at. */
  readonly url: string
  /** Sent as `X-API-Key`. */
  readonly apiKey?: Credential
  /** Sent as a bearer token. A function is called for each request, so that it can renew an expired token. */
  readonly token?: Credential
  /** How often a request is repeated after 429 or 503, or if the server cannot be reached. Default: 5. */
  readonly retries?: number
  /** The longest wait before a repetition, in milliseconds. If the server asks for a longer one, the request fails. Default: 30,000. */
  readonly maxDelayMillis?: number
  /** Sends the requests. Default: the runtime's `fetch`. */
  readonly fetch?: (request: string, init: RequestInit) => Promise<Response>
}

/** A request to the server. */
export interface SendRequest {
  readonly method: "GET" | "POST" | "DELETE"
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** JSON text. */
  readonly body?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Whether the request is idempotent, so that it may be repeated after a lost answer. */
  readonly isRepeatable: boolean
}

const RETRIES = 5
const MAX_DELAY_MILLIS = 30_000
const FIRST_DELAY_MILLIS = 200

/** Sends requests to one server. */
export class Sender {
  readonly #options: Options

  /** The options must be valid, and the URL absolute and without a slash at its end. */
  constructor(options: Options) {
    this.#options = options
  }

  /** Sends a request, with repetitions. Rejects with `ClientError` unless the status of the last answer is 2xx. */
  async send(request: SendRequest): Promise<Response> {
    const { retries = RETRIES, maxDelayMillis = MAX_DELAY_MILLIS } = this.#options
    for (let failures = 0; ; failures++) {
      let error: ClientError
      let retryAfterMillis: number | undefined
      try {
        const response = await this.#once(request)
        if (response.ok) return response
        retryAfterMillis = retryAfter(response)
        error = await errorOf(response)
        // A 429 has had no effect; before a 503 the request may have had one.
        if (error.status !== 429 && !(error.status === 503 && request.isRepeatable)) throw error
      } catch (failure) {
        if (failure instanceof ClientError && failure.status !== 0) throw failure
        error = failure as ClientError
        if (!request.isRepeatable || request.signal?.aborted) throw failure
      }
      const delay = retryAfterMillis ?? this.delayAfter(failures)
      if (failures >= retries || delay > maxDelayMillis) throw error
      await sleep(delay, request.signal)
    }
  }

  /** The wait after a number of failures, in milliseconds: doubled each time, with random jitter. */
  delayAfter(failures: number): number {
    const { maxDelayMillis = MAX_DELAY_MILLIS } = this.#options
    return Math.min(FIRST_DELAY_MILLIS * 2 ** failures, maxDelayMillis) * (0.5 + Math.random() / 2)
  }

  async #once({ method, path, headers, body, signal }: SendRequest): Promise<Response> {
    const { url, apiKey, token, fetch = globalThis.fetch } = this.#options
    const sent: Record<string, string> = { ...headers }
    if (body !== undefined) sent["content-type"] = "application/json"
    if (apiKey !== undefined) sent["x-api-key"] = await current(apiKey)
    if (token !== undefined) sent["authorization"] = `Bearer ${await current(token)}`
    try {
      return await fetch(url + path, {
        method,
        headers: sent,
        ...(body !== undefined && { body }),
        ...(signal !== undefined && { signal })
      })
    } catch (cause) {
      if (signal?.aborted) throw signal.reason
      const { origin } = new URL(url)
      throw new ClientError(0, { error: "ConnectionError", message: `Cannot reach ${origin}` }, undefined, { cause })
    }
  }
}

const current = (credential: Credential): string | Promise<string> =>
  typeof credential === "string" ? credential : credential()

/** The `Retry-After` header, seconds or a date, as a delay in milliseconds. Source: RFC 9110, 10.2.3. */
const retryAfter = ({ headers }: Response): number | undefined => {
  const value = headers.get("retry-after")
  if (value === null) return undefined
  const seconds = Number(value)
  const millis = Number.isNaN(seconds) ? Date.parse(value) - Date.now() : 1_000 * seconds
  return Number.isNaN(millis) ? undefined : Math.max(0, millis)
}

/** Waits; rejects with the signal's reason if it is aborted. */
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
