/**
 * What a server whose access is open refuses because a web page may have sent it: a page of any origin can reach the
 * servers of its visitor's machine. Sources: the Fetch standard, 3.2; W3C Fetch Metadata; RFC 6761, 6.3.
 */
import * as Result from "effect/Result"
import { isIn, parse, parseNetwork } from "../../../core/values/Address.ts"
import { InvalidOption } from "../../../core/values/Errors.ts"
import { isJson } from "./Body.ts"
import type { Cors } from "./Cors.ts"
import { BadRequest } from "./Failures.ts"
import type { HttpRequest } from "./Message.ts"

/** Under which names a server may be asked. */
export interface Options {
  /**
   * Names and addresses of the server, without ports, that requests may name as their `Host` where access is open, besides
   * those of this machine (`localhost`, `127.0.0.1`, `::1`); `*` for any. Default: none.
   */
  readonly hosts?: ReadonlyArray<string>
}

/**
 * Refuses a request that a page of another origin may have sent, or that names a host which is not this one. `isRouted`:
 * whether a route takes it; otherwise it does nothing, and its content type does not matter.
 */
export type WebPages = (request: HttpRequest, isRouted: boolean) => BadRequest | undefined

const LOOPBACK = ["127.0.0.0/8", "::1"].map((network) => parseNetwork(network)!)

/** Whether a host name or address, without a port, means this machine. */
export const isLoopback = (host: string): boolean => {
  const name = host.toLowerCase().replace(/\.$/, "")
  if (name === "localhost" || name.endsWith(".localhost")) return true
  const address = parse(name)
  return address !== undefined && LOOPBACK.some((network) => isIn(address, network))
}

/** The longest name of a host. Source: RFC 1035, 2.3.4. */
const MAX_HOST = 255
const HOST = /^(?:[\w.-]+|\[[0-9a-f:.]+\])$/i

/** What access that is open takes. A page of an origin that `cors` names is taken for one of its own. */
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
    // A proxy may have changed the Host, and then the name that pages know is among `hosts`.
    return named.has(hostname) || from === new URL(`${protocol}//${host}`).host
  }

  return Result.succeed((request, isRouted) => {
    const { method } = request
    // HTTP/1.0 needs none, and no browser speaks that.
    const host = request.header("host")
    if (!isAny && host !== undefined && !isOurs(host.replace(/:\d*$/, "").toLowerCase())) return HOST_REFUSED
    const isSafe = method === "GET" || method === "HEAD" || method === "OPTIONS"
    if (isSafe && request.header("upgrade")?.toLowerCase() !== "websocket") return undefined
    const origin = request.header("origin")
    const isCross = request.header("sec-fetch-site") === "cross-site"
    const isTaken = origin === undefined ? !isCross : cors.allows(origin) || (!isCross && isOwn(origin, host ?? ""))
    if (!isTaken) return CROSS_SITE
    // A page has to ask before it sends JSON elsewhere; without a type, it need not.
    return isRouted && method === "POST" && !isJson(request.header("content-type")) ? NO_TYPE : undefined
  })
}

const HOST_REFUSED = new BadRequest(
  403,
  "HostNotAllowedError",
  "Access is open, and this is none of the server's names; see `hosts` (LEVADA_HOSTS)"
)

const CROSS_SITE = new BadRequest(
  403,
  "CrossSiteRequestError",
  "Access is open, and a page of another origin may not do that; see `cors` (LEVADA_CORS_ORIGINS)"
)

const NO_TYPE = new BadRequest(
  415,
  "UnsupportedMediaTypeError",
  "Access is open: a POST needs the content type 'application/json', without a body too"
)
