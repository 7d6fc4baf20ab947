/** A request as the guard sees it. */
import type { Visitor } from "../../core/Principal.ts"
import type { HttpRequest } from "./Message.ts"
import type { Source } from "./Proxies.ts"

/** A request as the guard sees it; what nobody asks for is not looked up. */
export class HttpVisitor implements Visitor {
  readonly requestId: string
  readonly operation: string
  readonly #request: HttpRequest
  readonly #sourceOf: (request: HttpRequest) => Source
  #source: Source | undefined

  constructor(request: HttpRequest, requestId: string, operation: string, sourceOf: (request: HttpRequest) => Source) {
    this.#request = request
    this.requestId = requestId
    this.operation = operation
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
    return this.#request.header("x-api-key")
  }
  /** Empty for an `Authorization` that is of another kind: something was shown, and it is no token. */
  get bearer(): string | undefined {
    const value = this.#request.header("authorization")
    return value === undefined ? undefined : (BEARER.exec(value)?.[1] ?? "")
  }
  header(name: string): string | undefined {
    return this.#request.header(name)
  }
}

/** RFC 6750, 2.1. */
const BEARER = /^bearer +([\w.~+/-]+=*) *$/i

/** The id that a request brings, if it can be one; else one of its own. */
export const requestIdOf = (request: HttpRequest): string => {
  const brought = request.header("x-request-id")
  return brought !== undefined && /^[\w.:-]{1,128}$/.test(brought) ? brought : crypto.randomUUID()
}
