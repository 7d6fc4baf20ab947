/** Who really asks, behind proxies: their headers count as far as they are trusted, and not a step further. */
import * as Result from "effect/Result"
import { type Address, isIn, type Network, parse, parseNetwork } from "../../../core/values/Address.ts"
import { InvalidOption } from "../../../core/values/Errors.ts"
import * as OptionCheck from "../../../core/values/OptionCheck.ts"
import type { HttpRequest } from "./Message.ts"

/** The headers that proxies write. */
export const FORWARDED_HEADERS = ["x-forwarded-for", "forwarded"] as const

/** Where requests come from that may speak for others. */
export interface Options {
  /** Addresses and networks of proxies, such as `10.0.0.0/8`. Default: none, and no header is believed. */
  readonly trustedProxies?: ReadonlyArray<string>
  /**
   * The header that these proxies write: `x-forwarded-for`, and `x-forwarded-proto` with it, or `forwarded` (RFC 7239).
   * The other one is passed over, because whoever sends it may be anybody. Default: `x-forwarded-for`.
   */
  readonly forwardedHeader?: (typeof FORWARDED_HEADERS)[number]
}

/** Where a request came from. */
export interface Source {
  readonly address: string | undefined
  readonly secure: boolean
}

/** One who passed a request on, and how it came to them. */
interface Hop {
  readonly address: string | undefined
  readonly proto: string | undefined
}

/** Finds where a request came from. */
export const make = (options: Options): Result.Result<(request: HttpRequest) => Source, InvalidOption> => {
  const { trustedProxies = [], forwardedHeader = "x-forwarded-for" } = options
  const mistake = OptionCheck.among("forwardedHeader", forwardedHeader, FORWARDED_HEADERS)
  if (mistake !== undefined) return Result.fail(mistake)
  if (!Array.isArray(trustedProxies)) {
    return Result.fail(new InvalidOption("trustedProxies", trustedProxies, "an array of addresses and networks"))
  }
  const trusted: Array<Network> = []
  for (const text of trustedProxies) {
    const network = typeof text === "string" ? parseNetwork(text) : undefined
    if (network === undefined) {
      return Result.fail(
        new InvalidOption("trustedProxies", text, "an address such as '10.0.0.1', or a network such as '10.0.0.0/8'")
      )
    }
    trusted.push(network)
  }
  if (trusted.length === 0) return Result.succeed((request) => request)
  const isTrusted = (text: string | undefined): boolean => {
    const address: Address | undefined = text === undefined ? undefined : parse(text)
    return address !== undefined && trusted.some((network) => isIn(address, network))
  }
  const hopsOf = forwardedHeader === "forwarded" ? forwarded : xForwarded
  return Result.succeed((request) => {
    if (!isTrusted(request.address)) return request
    const hops = hopsOf(request)
    let source: Source = { address: request.address, secure: request.secure }
    // From the nearest to the farthest, as long as whoever says so is trusted.
    for (const { address, proto } of hops.toReversed()) {
      if (!isTrusted(source.address)) break
      source = { address, secure: proto === undefined ? source.secure : proto === "https" }
      // Nobody knows who stands behind a name that is no address.
      if (address === undefined) break
    }
    return source
  })
}

/** How many hops are looked at, from the nearest. */
const MAX_HOPS = 20

/** The addresses, each with its protocol when there are as many; with one protocol for all when there is one. */
const xForwarded = (request: HttpRequest): ReadonlyArray<Hop> => {
  const addresses = listOf(request.header("x-forwarded-for"))
  const protos = listOf(request.header("x-forwarded-proto")).map((proto) => proto.toLowerCase())
  // Only the last was written by somebody who is trusted for sure.
  const last = protos.at(-1)
  if (addresses.length === 0) return last === undefined ? [] : [{ address: request.address, proto: last }]
  return addresses.map((address, at) => ({
    address: toAddress(address),
    proto: protos.length === addresses.length ? protos[at] : last
  }))
}

/** `for=192.0.2.43;proto=https, for="[2001:db8::1]:4711"`. */
const forwarded = (request: HttpRequest): ReadonlyArray<Hop> =>
  listOf(request.header("forwarded")).map((element) => {
    const pairs = new Map(
      element.split(";").map((pair) => {
        const [name = "", value = ""] = pair.split("=", 2)
        return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, "$1")] as const
      })
    )
    const named = pairs.get("for")
    return { address: named === undefined ? undefined : toAddress(named), proto: pairs.get("proto")?.toLowerCase() }
  })

const listOf = (header: string | undefined): ReadonlyArray<string> =>
  header === undefined
    ? []
    : header
        .slice(-4_000)
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
        .slice(-MAX_HOPS)

/** An address without its port; nothing for what is none. */
const toAddress = (text: string): string | undefined => {
  const [, bracketed] = /^\[([^\]]+)\](?::\d+)?$/.exec(text) ?? []
  const plain = bracketed ?? (/^[\d.]+:\d+$/.test(text) ? text.slice(0, text.indexOf(":")) : text)
  return parse(plain) === undefined ? undefined : plain
}
