/**
 * Protects a server with open access from web pages: a page of any origin can send requests to servers on its visitor's
 * machine. Sources: the Fetch standard, 3.2; W3C Fetch Metadata; RFC 6761, 6.3.
 */
import * as Result from "effect/Result"
import { isIn, parse, parseNetwork } from "../../../core/values/Address.ts"
import { InvalidOption } from "../../../core/values/Errors.ts"
import { isJson } from "./Body.ts"
import type { Cors } from "./Cors.ts"
import { BadRequest } from "./Failures.ts"
import type { HttpRequest } from "./Message.ts"

/** The names of the server. */
export interface Options {
  /**
   * Names and addresses, without ports, that a request's `Host` may have while access is open, besides those of this machine
   * (`localhost`, `127.0.0.1`, `::1`); `*` for any. Default: none.
   */
  readonly hosts?: ReadonlyArray<string>
}

/**
 * Refuses a request that a page of another origin may have sent, or whose `Host` is not a name of this server. `isRouted`:
 * whether a route matches; without one the content type is not checked.
 */
export type WebPages = (request: HttpRequest, isRouted: boolean) => BadRequest | undefined

const LOOPBACK = ["127.0.0.0/8", "::1"].map((network) => parseNetwork(network)!)

/** Whether a host name or address, without a port, is this machine. */
export const isLoopback = (host: string): boolean => {
  const name = host.toLowerCase().replace(/\.$/, "")
  if (name === "localhost" || name.endsWith(".localhost")) return true
  const address = parse(name)
  return address !== undefined && LOOPBACK.some((network) => isIn(address, network))
}

/** The longest host name. Source: RFC 1035, 2.3.4. */
const MAX_HOST = 255
const HOST = /^(?:[\w.-]+|\[[0-9a-f:.]+\])$/i

/** Makes the check for a server with open access. Pages of an origin that `cors` allows count as the server's own. */
export const make = ({ hosts = [] }: Options, cors: Pick<Cors, "allows">): Result.Result<WebPages, InvalidOption> => {
  if (!Array.isArray(hosts)) return Result.fail(new InvalidOption("hosts", hosts, "an array of names and addresses"))
  const strange = hosts.find(
    (host) => host !== "*" && !(typeof host === "string" && host.length <= MAX_HOST && HOST.test(host))
  )
  if (strange !== undefined) {
    return Result.fail(new InvalidOption("hosts", strange, "a name such as 'levada.internal' without a port, or '*'"))
  }
  const isAny = hosts.includes("*")
  const named = new Set(hosts.map((host) => host.toLowerCase()))
  const isOurs = (host: string): boolean => named.has(host) || isLoopback(host)

  const isOwn = (origin: string, host: string): boolean => {
    if (!/^https?:/i.test(origin) || !URL.canParse(origin) || !URL.canParse(`http://${host}`)) return false
    const { protocol, host: from, hostname } = new URL(origin)
    // If a proxy changes the Host, `hosts` must have the name that pages use.
    return named.has(hostname) || from === new URL(`${protocol}//${host}`).host
  }

  return Result.succeed((request, isRouted) => {
    const { method } = request
    // HTTP/1.0 requests may lack a Host; no browser sends HTTP/1.0.
    const host = request.header("host")
    if (!isAny && host !== undefined && !isOurs(host.replace(/:\d*$/, "").toLowerCase())) return HOST_REFUSED
    const isSafe = method === "GET" || method === "HEAD" || method === "OPTIONS"
    if (isSafe && request.header("upgrade")?.toLowerCase() !== "websocket") return undefined
    const origin = request.header("origin")
    const isCross = request.header("sec-fetch-site") === "cross-site"
    const isTaken = origin === undefined ? !isCross : cors.allows(origin) || (!isCross && isOwn(origin, host ?? ""))
    if (!isTaken) return CROSS_SITE
    // A browser sends a preflight before JSON to another origin, but not before a POST without a content type.
    return isRouted && method === "POST" && !isJson(request.header("content-type")) ? NO_TYPE : undefined
  })
}

const HOST_REFUSED = new BadRequest(
  403,
  "HostNotAllowedError",
  "Access is open, and the Host header is not a name of this server; add it to `hosts` (LEVADA_HOSTS)"
)

const CROSS_SITE = new BadRequest(
  403,
  "CrossSiteRequestError",
  "Access is open, and pages of other origins may not send this request; allow the origin with `cors` (LEVADA_CORS_ORIGINS)"
)

const NO_TYPE = new BadRequest(
  415,
  "UnsupportedMediaTypeError",
  "Access is open: every POST needs the content type 'application/json', even without a body"
)
