/** A request as the guard sees it. */
import type { Visitor } from "../../../core/values/Principal.ts"
import type { HttpRequest } from "./Message.ts"
import type { Source } from "./Proxies.ts"

/** What somebody shows to be known by. */
export interface Credentials {
  readonly apiKey?: string | undefined
  readonly bearer?: string | undefined
}

/** A request as the guard sees it; what nobody asks for is not looked up. */
export class HttpVisitor implements Visitor {
  readonly requestId: string
  readonly operation: string
  readonly #isStream: boolean
  readonly #request: HttpRequest
  readonly #shown: Credentials | undefined
  readonly #sourceOf: (request: HttpRequest) => Source
  #source: Source | undefined

  /** `isStream`: whether a token may be in the query. `shown`: what was shown later than in the request, and in place of it. */
  constructor(
    request: HttpRequest,
    requestId: string,
    operation: string,
    isStream: boolean,
    sourceOf: (request: HttpRequest) => Source,
    shown?: Credentials
  ) {
    this.#shown = shown
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
    return this.#shown === undefined ? this.#request.header("x-api-key") : this.#shown.apiKey
  }
  /** Empty for an `Authorization` that is of another kind: something was shown, and it is no token. */
  get bearer(): string | undefined {
    if (this.#shown !== undefined) return this.#shown.bearer
    const value = this.#request.header("authorization")
    if (value !== undefined) return BEARER.exec(value)?.[1] ?? ""
    return this.#isStream ? NARROWED.exec(this.#request.query)?.[1] : undefined
  }
  header(name: string): string | undefined {
    return this.#request.header(name)
  }
}

/** Whether the request itself brings something to be known by. */
export const showsSomething = (request: HttpRequest): boolean =>
  ["authorization", "x-api-key", "cookie"].some((name) => request.header(name) !== undefined) ||
  /(?:^|&)token=/.test(request.query)

/** A token that was given out for one pipeline or run. Nothing else that opens a door belongs into a URL. */
const NARROWED = /(?:^|&)token=(lvt_[\w-]{43})(?:&|$)/

/** RFC 6750, 2.1. */
const BEARER = /^bearer +([\w.~+/-]+=*) *$/i

/** The id that a request brings, if it can be one; else one of its own. */
export const requestIdOf = (request: HttpRequest): string => {
  const brought = request.header("x-request-id")
  return brought !== undefined && /^[\w.:-]{1,128}$/.test(brought) ? brought : crypto.randomUUID()
}
