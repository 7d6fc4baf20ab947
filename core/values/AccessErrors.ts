/** Every way in which the guard says no. */
import { cut, Failure } from "./Failure.ts"
import type { Permission, Principal, Quota } from "./Principal.ts"

/** Nobody knows who asks: no credentials, or credentials that prove nothing. */
export class Unauthenticated extends Failure<"Unauthenticated"> {
  /** Whether credentials were shown at all. */
  readonly isInvalid: boolean
  /** What credentials may be shown, by name; filled in by the guard. */
  readonly schemes: ReadonlyArray<string>
  constructor(why: string, isInvalid: boolean, schemes: ReadonlyArray<string> = []) {
    super("Unauthenticated", why)
    this.isInvalid = isInvalid
    this.schemes = schemes
  }
}

/** An API key that is none of those that were given out, or is no longer one. */
export class UnknownApiKey extends Failure<"UnknownApiKey"> {
  constructor() {
    super("UnknownApiKey", "The API key is not known, or has expired")
  }
}

/** The principal may not do that. */
export class AccessDenied extends Failure<"AccessDenied"> {
  readonly permission: Permission
  readonly pipelineId: string | undefined
  constructor(principal: Principal, permission: Permission, pipelineId: string | undefined) {
    const where = pipelineId === undefined ? "here" : `on pipeline '${cut(pipelineId)}'`
    super("AccessDenied", `'${cut(principal.id)}' does not have the permission '${permission}' ${where}`)
    this.permission = permission
    this.pipelineId = pipelineId
  }
}

/** The connection is not encrypted, and has to be. */
export class HttpsRequired extends Failure<"HttpsRequired"> {
  constructor() {
    super("HttpsRequired", "Only HTTPS is taken here; send the request to the same address with https://")
  }
}

/** Too much was asked for. */
export class RateLimited extends Failure<"RateLimited"> {
  readonly quota: Quota
  constructor(whose: "address" | "principal", quota: Quota) {
    const { permits, periodMillis, permission, resetMillis } = quota
    super(
      "RateLimited",
      `More than ${permits} requests to ${permission} in ${periodMillis / 1_000} s by one ${whose}; try again in ${Math.ceil(resetMillis / 1_000)} s`
    )
    this.quota = quota
  }
}

/** Whoever has to say who a visitor is does not answer, or not in a way that can be understood. */
export class AuthenticatorUnavailable extends Failure<"AuthenticatorUnavailable"> {
  constructor() {
    super("AuthenticatorUnavailable", "Credentials can't be checked at the moment; try again soon")
  }
}

/** Something that there is only where access is secured, and set up so. */
export class AccessNotSecured extends Failure<"AccessNotSecured"> {
  constructor(why: string) {
    super("AccessNotSecured", `${why}; see Access.secured`)
  }
}
