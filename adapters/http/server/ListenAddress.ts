/** Where a server listens: the options of every server binding. */

/** Where to listen. */
export interface ListenOptions {
  /** Default: 8000. 0 takes any free port. */
  readonly port?: number
  /** Default: `127.0.0.1`, this machine only. */
  readonly host?: string
}

/** How long answers may take to be sent once a Levada is closed, in milliseconds. */
export const LAST_MILLIS = 1_000

/** The longest name of a host. Source: RFC 1035, 2.3.4. */
const MAX_HOST = 255

/** Where to listen. Rejects with `InvalidOption` for a Levada that can't be served, or where nothing can listen. */
export const resolve = async (levada: unknown, options: ListenOptions): Promise<Required<ListenOptions>> => {
  const wrong = mistake(levada, options) ?? (await exposed(levada as Weak, options))
  if (wrong === undefined) return { port: options.port ?? 8000, host: options.host ?? "127.0.0.1" }
  // Loaded when it is needed: a binding brings nothing along.
  const { InvalidOption } = await import("../../../core/values/Errors.ts")
  throw new InvalidOption(...wrong)
}

/** The URL of a server: an IPv6 address is in brackets. */
export const urlOf = (host: string, port: number): string => `http://${host.includes(":") ? `[${host}]` : host}:${port}`

interface Weak {
  readonly weaknesses?: ReadonlyArray<string>
}

/** Refuses to listen beyond this machine while credentials are easy to guess. */
const exposed = async (
  { weaknesses = [] }: Weak,
  { host = "127.0.0.1" }: ListenOptions
): Promise<Wrong | undefined> => {
  const [why] = weaknesses
  if (why === undefined || (await import("./WebPages.ts")).isLoopback(host)) return undefined
  return ["host", host, `127.0.0.1, this machine only, because of ${why}`]
}

type Wrong = readonly [option: string, received: unknown, expected: string]

const mistake = (levada: unknown, options: unknown): Wrong | undefined => {
  const { handler } = (levada ?? {}) as { readonly handler?: unknown }
  if (typeof handler !== "function") {
    return ["levada", levada, "what Levada.make gives; is it awaited or imported in a circle?"]
  }
  if (typeof options !== "object" || options === null || Array.isArray(options))
    return ["options", options, "an object"]
  const { port = 0, host = "localhost" } = options as { readonly port?: unknown; readonly host?: unknown }
  if (!(Number.isInteger(port) && (port as number) >= 0 && (port as number) <= 65_535)) {
    return ["port", port, "a whole number from 0 to 65535"]
  }
  return typeof host === "string" && host !== "" && host.length <= MAX_HOST && host.isWellFormed()
    ? undefined
    : ["host", host, `a text of 1 to ${MAX_HOST} characters`]
}
