/** The failures of the guard: authentication, authorization and rate limits. */
import { cut, Failure } from "./Failure.ts"
import type { Permission, Principal, Quota } from "./Principal.ts"

/** The request has no credentials, or invalid ones. */
export class Unauthenticated extends Failure<"Unauthenticated"> {
  /** True when the request had credentials and they were refused; false when it had none. */
  readonly isInvalid: boolean
  /** The schemes of credentials that the server accepts, such as `ApiKey`; the guard fills them in. */
  readonly schemes: ReadonlyArray<string>
  constructor(why: string, isInvalid: boolean, schemes: ReadonlyArray<string> = []) {
    super("Unauthenticated", why)
    this.isInvalid = isInvalid
    this.schemes = schemes
  }
}

/** An API key that was never issued, was deleted or has expired. */
export class UnknownApiKey extends Failure<"UnknownApiKey"> {
  constructor() {
    super("UnknownApiKey", "The API key is unknown or has expired")
  }
}

/** The principal lacks the permission. */
export class AccessDenied extends Failure<"AccessDenied"> {
  readonly permission: Permission
  readonly pipelineId: string | undefined
  constructor(principal: Principal, permission: Permission, pipelineId: string | undefined) {
    const where = pipelineId === undefined ? "" : ` on pipeline '${cut(pipelineId)}'`
    super("AccessDenied", `'${cut(principal.id)}' does not have the permission '${permission}'${where}`)
    this.permission = permission
    this.pipelineId = pipelineId
  }
}

/** The request came over plain HTTP, and the server requires HTTPS. */
export class HttpsRequired extends Failure<"HttpsRequired"> {
  constructor() {
    super("HttpsRequired", "HTTPS is required: send the request to the same address with https://")
  }
}

/** The caller made more requests than a rate limit allows. */
export class RateLimited extends Failure<"RateLimited"> {
  readonly quota: Quota
  constructor(counted: "address" | "principal", quota: Quota) {
    const { permits, periodMillis, permission, resetMillis } = quota
    super(
      "RateLimited",
      `More than ${permits} '${permission}' requests in ${periodMillis / 1_000} s from one ${counted}; try again in ${Math.ceil(resetMillis / 1_000)} s`
    )
    this.quota = quota
  }
}

/** An authenticator did not answer, or its answer can't be read. */
export class AuthenticatorUnavailable extends Failure<"AuthenticatorUnavailable"> {
  constructor() {
    super("AuthenticatorUnavailable", "Credentials can't be checked at the moment; try again soon")
  }
}

/** The operation needs secured access, with a setting that is missing. */
export class AccessNotSecured extends Failure<"AccessNotSecured"> {
  constructor(why: string) {
    super("AccessNotSecured", `${why}; see Access.secured`)
  }
}
