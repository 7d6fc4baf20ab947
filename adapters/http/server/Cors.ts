/** CORS: which origins' pages may read answers. Source: the Fetch standard, 3.3. */
import * as Result from "effect/Result"
import { InvalidOption } from "../../../core/values/Errors.ts"
import * as OptionCheck from "../../../core/values/OptionCheck.ts"
import type { HttpReply, HttpRequest } from "./Message.ts"

/** Which origins' pages may read answers. */
export interface Options {
  /** Origins such as `https://app.example.com`, or `*` for all. */
  readonly origins: ReadonlyArray<string>
  /** Whether browsers may send cookies. Not with `*`. Default: false. */
  readonly credentials?: boolean
  /** How long a browser may cache a preflight answer, in seconds, at most 86,400. Default: 600. */
  readonly maxAgeSeconds?: number
}

/** The headers that pages may send, and the headers of an answer that they may read. */
const REQUEST_HEADERS =
  "authorization, content-type, idempotency-key, if-none-match, last-event-id, prefer, x-api-key, x-request-id"
const RESPONSE_HEADERS = "etag, link, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id"

type Headers = Readonly<Record<string, string>>

/** A CORS policy. */
export interface Cors {
  /** Whether pages of that origin may read answers. */
  readonly allows: (origin: string) => boolean
  /** The headers to add to an answer, if any. */
  readonly headers: (request: HttpRequest) => Headers | undefined
  /** The answer to a preflight request; undefined for any other request. */
  readonly preflight: (request: HttpRequest, allow: string) => HttpReply | undefined
}

/** Allows no other origin. */
const disabled: Cors = { allows: () => false, headers: () => undefined, preflight: () => undefined }

const ORIGIN = /^https?:\/\/(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i

/** The policy for the options; undefined allows no other origin. */
export const make = (options: Options | undefined): Result.Result<Cors, InvalidOption> => {
  if (options === undefined) return Result.succeed(disabled)
  const mistake = invalid(options)
  if (mistake !== undefined) return Result.fail(mistake)
  const { origins, credentials = false, maxAgeSeconds = 600 } = options
  const isAll = origins.includes("*")
  const allowed = new Set(origins.map((origin) => origin.toLowerCase()))
  const vary: Headers = { vary: "origin" }

  const allows = (origin: string): boolean => isAll || allowed.has(origin.toLowerCase())
  const headers = (request: HttpRequest): Headers | undefined => {
    if (isAll)
      return request.header("origin") === undefined
        ? undefined
        : { "access-control-allow-origin": "*", "access-control-expose-headers": RESPONSE_HEADERS }
    const origin = request.header("origin")
    // Tells caches that other origins get another answer.
    if (origin === undefined || !allows(origin)) return vary
    return {
      ...vary,
      "access-control-allow-origin": origin,
      "access-control-expose-headers": RESPONSE_HEADERS,
      ...(credentials && { "access-control-allow-credentials": "true" })
    }
  }
  return Result.succeed({
    allows,
    headers,
    preflight: (request, allow) => {
      const isPreflight =
        request.header("origin") !== undefined && request.header("access-control-request-method") !== undefined
      if (!isPreflight) return undefined
      const granted = headers(request)
      if (granted?.["access-control-allow-origin"] === undefined)
        return { status: 204, headers: { allow }, body: undefined }
      const more = {
        allow,
        "access-control-allow-methods": allow,
        "access-control-allow-headers": REQUEST_HEADERS,
        "access-control-max-age": String(maxAgeSeconds)
      }
      return { status: 204, headers: more, body: undefined }
    }
  })
}

const invalid = (options: Options): InvalidOption | undefined => {
  const mistake = OptionCheck.record("cors", options)
  if (mistake !== undefined) return mistake
  const { origins, credentials, maxAgeSeconds } = options
  return (
    OptionCheck.flag("cors.credentials", credentials) ??
    OptionCheck.integer("cors.maxAgeSeconds", maxAgeSeconds, 0, 86_400) ??
    wrongOrigins(origins, credentials === true)
  )
}

const wrongOrigins = (origins: ReadonlyArray<string>, credentials: boolean): InvalidOption | undefined => {
  if (!Array.isArray(origins) || origins.length === 0) {
    return new InvalidOption("cors.origins", origins, "an array of origins, or ['*']; omit `cors` to allow none")
  }
  const at = origins.findIndex((origin) => typeof origin !== "string" || (origin !== "*" && !ORIGIN.test(origin)))
  if (at !== -1) {
    return new InvalidOption(
      "cors.origins",
      origins[at],
      "an origin such as 'https://app.example.com', without a path or a trailing slash"
    )
  }
  if (credentials && origins.includes("*")) {
    return new InvalidOption(
      "cors.origins",
      "*",
      "named origins: with `credentials` and '*', any page could act as its visitor"
    )
  }
  return undefined
}
