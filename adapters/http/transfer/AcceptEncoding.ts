/** Which encodings a client accepts. Source: RFC 9110, 12.5.3. */
import type { HttpRequest } from "../server/Message.ts"

/**
 * Whether the client accepts gzip, and prefers it to an uncompressed body. Without the header it gets no compression: simple
 * clients do not decompress.
 */
export const acceptsGzip = (request: HttpRequest): boolean => {
  const accepted = request.header("accept-encoding")
  if (accepted === undefined) return false
  let gzip: number | undefined
  let any = 0
  let identity = 0
  for (const part of accepted.toLowerCase().split(",", MAX_CODINGS)) {
    const [, coding, quality = "1"] = CODING.exec(part) ?? []
    if (coding === "gzip" || coding === "x-gzip") gzip = Math.max(gzip ?? 0, Number(quality))
    else if (coding === "*") any = Number(quality)
    else if (coding === "identity") identity = Number(quality)
  }
  const wish = gzip ?? any
  return wish > 0 && wish >= identity
}

/** Further codings of a header are ignored. */
const MAX_CODINGS = 20

const CODING = /^\s*([\w.+*-]+)\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$/
