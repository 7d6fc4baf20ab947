/** Sends the page's requests, asks for credentials when the server does, and knows whether the server answers. */
import { ClientError } from "../../../client/ClientError.ts"
import { type Options, Sender } from "../../../client/Sender.ts"
import { credentials } from "./Credentials.ts"
import { Signal } from "./Signal.ts"

export { ClientError }

/** The URL of the API, whose folder `dashboard` has this script. */
export const API_URL: string = new URL("..", import.meta.url).href.replace(/\/$/, "")

/** Why no requests can be sent now, to be shown; undefined while the server answers. */
export const outage: Signal<string | undefined> = new Signal<string | undefined>(undefined)

/** Why the user has to give credentials, to be shown; undefined while the server accepts the current ones. */
export const signInReason: Signal<string | undefined> = new Signal<string | undefined>(undefined)

/** Counts the reloads of everything on the page: after an outage, after new credentials, and when the user asks. */
export const revision: Signal<number> = new Signal(0)

/** Loads everything on the page again, now. */
export const reloadAll = (): void => revision.set(revision.value + 1)

/** Counts the times when events may have been missed: everything is then loaded again soon, after loads that are under way. */
export const missed: Signal<number> = new Signal(0)

/** Sends with the current credentials. */
export const senderFor = (more: Partial<Options> = {}): Sender => {
  const held = credentials.value
  return new Sender({
    url: API_URL,
    // The page shows what fails, and tries again by itself.
    retries: 0,
    ...(held?.kind === "key" && { apiKey: held.secret }),
    ...(held?.kind === "token" && { token: held.secret }),
    ...more
  })
}

let sender = senderFor()

credentials.subscribe(() => {
  sender = senderFor()
  signInReason.set(undefined)
  reloadAll()
})

/** Why an answer asks for other credentials; undefined if it does not. */
const signInReasonOf = ({ status, error }: ClientError): string | undefined => {
  if (status === 401) {
    return credentials.value === undefined
      ? "This server asks who you are."
      : "Your credentials have expired, or the server does not accept them any more."
  }
  return status === 403 && error === "UnknownApiKeyError"
    ? "The server does not know this API key, or it has expired."
    : undefined
}

const signedIn = (): Promise<void> =>
  new Promise((resolve) => {
    const stop = credentials.subscribe(() => {
      stop()
      resolve()
    })
  })

let pings: ReturnType<typeof setTimeout> | undefined

/** Asks until the server and its store answer, and then loads everything on the page again, if they did not before. */
const ping = async (): Promise<void> => {
  let reason: string | undefined
  try {
    if (!(await fetch(`${API_URL}/health`, { cache: "no-store" })).ok) reason = "The server's store does not answer."
  } catch {
    reason = "The server does not answer."
  }
  pings = reason === undefined ? undefined : setTimeout(ping, 2_000)
  const wasAway = outage.value !== undefined
  outage.set(reason)
  if (reason === undefined && wasAway) reloadAll()
}

const awaitServer = (reason: string): void => {
  outage.set(reason)
  if (pings === undefined) pings = setTimeout(ping, 1_000)
}

/** Finds out whether the server answers. */
export const checkServer = (): void => {
  if (pings === undefined) pings = setTimeout(ping, 0)
}

/** A request, except for its path. */
export interface SendOptions {
  readonly method?: "GET" | "POST" | "DELETE"
  readonly body?: unknown
  readonly signal?: AbortSignal
  /** The entity tag of the answer that the page has; rejects with the status 304 if it is the current one. */
  readonly known?: string | undefined
}

/**
 * Sends a request to the API. If the server asks for credentials, it waits until the user has given some and sends it again,
 * so that nothing typed is lost. Rejects with `ClientError` for other failures.
 */
export const send = async (
  path: string,
  { method = "GET", body, signal, known }: SendOptions = {}
): Promise<Response> => {
  for (;;) {
    const held = credentials.value
    try {
      return await sender.send({
        method,
        path,
        ...(known !== undefined && { headers: { "if-none-match": known } }),
        // With open access every POST needs the JSON type.
        body: method === "POST" ? JSON.stringify(body ?? {}) : undefined,
        signal,
        isRepeatable: method === "GET"
      })
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      const reason = signInReasonOf(error)
      if (reason === undefined) {
        if (error.status === 0) awaitServer("The server does not answer.")
        if (error.status === 503) awaitServer(error.message)
        throw error
      }
      // The user may have given others while this request was under way.
      if (credentials.value === held) {
        const next = signedIn()
        signInReason.set(reason)
        await next
      }
      signal?.throwIfAborted()
    }
  }
}

/** The JSON of an answer. */
export const sendJson = async <A>(path: string, options?: SendOptions): Promise<A> =>
  (await (await send(path, options)).json()) as A

/** The query string of these values, with its `?`; leaves out undefined and empty ones. */
export const query = (values: { readonly [key: string]: string | number | undefined }): string => {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== "")
  return given.length === 0 ? "" : `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}`
}

/** Browsers remove `.` and `..` from paths, in each spelling. Nothing has these names, or the one that is sent instead. */
const segment = (value: string): string => (value === "." || value === ".." ? "%00" : encodeURIComponent(value))

/** A path whose values are percent-encoded: `` path`/runs/${id}` ``. */
export const path = (texts: TemplateStringsArray, ...values: ReadonlyArray<string>): string =>
  String.raw({ raw: texts }, ...values.map(segment))
