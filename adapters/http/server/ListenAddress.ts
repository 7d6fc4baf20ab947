/** The address that a server listens on: the options of every server binding. */

/** The port and the host to listen on. */
export interface ListenOptions {
  /** Default: 8000. 0 takes any free port. */
  readonly port?: number
  /** Default: `127.0.0.1`, this machine only. */
  readonly host?: string
}

/** How long the last answers may take to be sent after a Levada is closed, in milliseconds. */
export const FLUSH_MILLIS = 1_000

/** The longest name of a host. Source: RFC 1035, 2.3.4. */
const MAX_HOST = 255

/** Checks the options and fills in defaults. Rejects with `InvalidOption` for a value that is not a Levada, for an invalid port or host, and for a host beyond this machine while credentials are weak. */
export const resolve = async (levada: unknown, options: ListenOptions): Promise<Required<ListenOptions>> => {
  const mistake = invalid(levada, options) ?? (await exposed(levada as HasWeaknesses, options))
  if (mistake === undefined) return { port: options.port ?? 8000, host: options.host ?? "127.0.0.1" }
  // Loaded only when needed, so that a binding's bundle stays small.
  const { InvalidOption } = await import("../../../core/values/Errors.ts")
  throw new InvalidOption(...mistake)
}

/** The URL of a server, with an IPv6 address in brackets. */
export const urlOf = (host: string, port: number): string => `http://${host.includes(":") ? `[${host}]` : host}:${port}`

interface HasWeaknesses {
  readonly weaknesses?: ReadonlyArray<string>
}

/** Refuses to listen beyond this machine while credentials are easy to guess. */
const exposed = async (
  { weaknesses = [] }: HasWeaknesses,
  { host = "127.0.0.1" }: ListenOptions
): Promise<Mistake | undefined> => {
  const [why] = weaknesses
  if (why === undefined || (await import("./WebPages.ts")).isLoopback(host)) return undefined
  return ["host", host, `127.0.0.1 (this machine only) because of ${why}`]
}

type Mistake = readonly [option: string, received: unknown, expected: string]

const invalid = (levada: unknown, options: unknown): Mistake | undefined => {
  const { handler } = (levada ?? {}) as { readonly handler?: unknown }
  if (typeof handler !== "function") {
    return ["levada", levada, "the result of Levada.make; is it a Promise, or undefined because of a circular import?"]
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
