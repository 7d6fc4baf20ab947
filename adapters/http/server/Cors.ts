/** Which pages of other origins may read answers. Source: the Fetch standard, 3.3. */
import * as Result from "effect/Result"
import { InvalidOption } from "../../../core/values/Errors.ts"
import * as OptionCheck from "../../../core/values/OptionCheck.ts"
import type { HttpReply, HttpRequest } from "./Message.ts"

/** Which pages of other origins may read answers. */
export interface Options {
  /** Origins such as `https://app.example.com`, or `*` for all. */
  readonly origins: ReadonlyArray<string>
  /** Whether browsers send cookies along. Not with `*`. Default: false. */
  readonly credentials?: boolean
  /** How long a browser may remember what it may do, in seconds. Default: 600. */
  readonly maxAgeSeconds?: number
}

/** What pages may send, and what they may see of an answer. */
const SENT = "authorization, content-type, idempotency-key, last-event-id, prefer, x-api-key, x-request-id"
const SEEN = "link, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id"

type Headers = Readonly<Record<string, string>>

/** Answers the questions that browsers ask. */
export interface Cors {
  /** Whether pages of that origin may read answers. */
  readonly allows: (origin: string) => boolean
  /** What is added to an answer; nothing for requests that are not of a page of another origin. */
  readonly headers: (request: HttpRequest) => Headers | undefined
  /** The answer to a browser that asks before it sends; nothing for any other request. */
  readonly preflight: (request: HttpRequest, allow: string) => HttpReply | undefined
}

/** Nobody may read. */
const closed: Cors = { allows: () => false, headers: () => undefined, preflight: () => undefined }

const ORIGIN = /^https?:\/\/(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i

/** CORS as it is wanted. Without options there is none. */
export const make = (options: Options | undefined): Result.Result<Cors, InvalidOption> => {
  if (options === undefined) return Result.succeed(closed)
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
        : { "access-control-allow-origin": "*", "access-control-expose-headers": SEEN }
    const origin = request.header("origin")
    // Caches have to know that the answer to others differs.
    if (origin === undefined || !allows(origin)) return vary
    return {
      ...vary,
      "access-control-allow-origin": origin,
      "access-control-expose-headers": SEEN,
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
        "access-control-allow-headers": SENT,
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
    return new InvalidOption("cors.origins", origins, "an array of origins, or ['*']; leave `cors` out for none")
  }
  const at = origins.findIndex((origin) => typeof origin !== "string" || (origin !== "*" && !ORIGIN.test(origin)))
  if (at !== -1) {
    return new InvalidOption(
      "cors.origins",
      origins[at],
      "an origin such as 'https://app.example.com', without path or slash at the end"
    )
  }
  if (credentials && origins.includes("*")) {
    return new InvalidOption(
      "cors.origins",
      "*",
      "named origins, because with `credentials` any page could act as its visitor"
    )
  }
  return undefined
}
