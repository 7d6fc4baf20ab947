/** Where a server listens, as the server bindings are told it. */
import * as Bound from "../../core/Bound.ts"
import { InvalidOption } from "../../core/Errors.ts"

/** The longest name of a host. Source: RFC 1035, 2.3.4. */
const MAX_HOST = 255

/** What is wrong with a Levada to serve, or with where to listen; nothing when it can be done. */
export const invalid = (levada: unknown, options: unknown): InvalidOption | undefined => {
  const { handler } = (levada ?? {}) as { readonly handler?: unknown }
  const mistake =
    (typeof handler === "function"
      ? undefined
      : new InvalidOption("levada", levada, "what Levada.make gives; is it awaited or imported in a circle?")) ??
    Bound.required(Bound.record, "options", options)
  if (mistake !== undefined) return mistake
  const { port, host } = options as { readonly port?: unknown; readonly host?: unknown }
  return Bound.integer("port", port, 0, 65_535) ?? Bound.text("host", host, MAX_HOST)
}
