/** A request as the guard sees it: its credentials and where it came from. */
import type { Visitor } from "../../../core/values/Principal.ts"
import type { HttpRequest } from "./Message.ts"
import type { Source } from "./Proxies.ts"

/** An API key or a bearer token. */
export interface Credentials {
  readonly apiKey?: string | undefined
  readonly bearer?: string | undefined
}

/** A request as the guard sees it. Each part is looked up only when it is read. */
export class HttpVisitor implements Visitor {
  readonly requestId: string
  readonly operation: string
  readonly #isStream: boolean
  readonly #request: HttpRequest
  readonly #credentials: Credentials | undefined
  readonly #sourceOf: (request: HttpRequest) => Source
  #source: Source | undefined

  /** `isStream`: whether the query may hold a token. `credentials`: used instead of those in the request. */
  constructor(
    request: HttpRequest,
    requestId: string,
    operation: string,
    isStream: boolean,
    sourceOf: (request: HttpRequest) => Source,
    credentials?: Credentials
  ) {
    this.#credentials = credentials
    this.#request = request
    this.requestId = requestId
    this.operation = operation
    this.#isStream = isStream
    this.#sourceOf = sourceOf
  }

  get address(): string | undefined {
    this.#source ??= this.#sourceOf(this.#request)
    return this.#source.address
  }
  get secure(): boolean {
    this.#source ??= this.#sourceOf(this.#request)
    return this.#source.secure
  }
  get apiKey(): string | undefined {
    return this.#credentials === undefined ? this.#request.header("x-api-key") : this.#credentials.apiKey
  }
  /** The bearer token; empty for an `Authorization` header of another scheme, so that it counts as invalid credentials. */
  get bearer(): string | undefined {
    if (this.#credentials !== undefined) return this.#credentials.bearer
    const value = this.#request.header("authorization")
    if (value !== undefined) return BEARER.exec(value)?.[1] ?? ""
    return this.#isStream ? NARROWED_TOKEN.exec(this.#request.query)?.[1] : undefined
  }
  header(name: string): string | undefined {
    return this.#request.header(name)
  }
}

/** Whether the request has credentials in its headers or its query. */
export const hasCredentials = (request: HttpRequest): boolean =>
  ["authorization", "x-api-key", "cookie"].some((name) => request.header(name) !== undefined) ||
  /(?:^|&)token=/.test(request.query)

/** A token issued for one pipeline or run: the only credential accepted in a URL. */
const NARROWED_TOKEN = /(?:^|&)token=(lvt_[\w-]{43})(?:&|$)/

/** RFC 6750, 2.1. */
const BEARER = /^bearer +([\w.~+/-]+=*) *$/i

/** The request's `X-Request-Id` if it is valid, otherwise a new id. */
export const requestIdOf = (request: HttpRequest): string => {
  const id = request.header("x-request-id")
  return id !== undefined && /^[\w.:-]{1,128}$/.test(id) ? id : crypto.randomUUID()
}
