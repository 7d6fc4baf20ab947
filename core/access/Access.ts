/** Open or secured access. There is no default: every program chooses. */
import * as Result from "effect/Result"
import type { TokenMaker } from "../store/Tokens.ts"
import * as Acl from "../values/Acl.ts"
import { InvalidOption } from "../values/Errors.ts"
import * as Name from "../values/Name.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import { type Grant, MAX_PRINCIPAL_NAME, MAX_SCHEME, PERMISSIONS, type Permission } from "../values/Principal.ts"
import * as Rate from "../values/Rate.ts"
import type { Authenticator } from "./Authenticator.ts"

/** The access choice of a program. */
export type Access = { readonly _tag: "Open" } | ({ readonly _tag: "Secured" } & Rules)

/** A rate limit for each permission, such as `10/minute`. Default: no limit. */
export type Limits = { readonly [P in Permission]?: string | undefined }

/** Options of secured access. */
export interface Options {
  /** They authenticate callers; at least one. */
  readonly authenticators: ReadonlyArray<Authenticator>
  /** Grants by role, for principals without grants of their own. Default: none, so that only ACLs give them permissions. */
  readonly roles?: Readonly<Record<string, Grant>> | undefined
  /** ACLs by pipeline id. An ACL that is set at run time replaces the one given here. Default: none. */
  readonly acls?: Readonly<Record<string, Acl.Acl>> | undefined
  /** Limits for each principal, counted over all servers of the Store. Default: none. */
  readonly limits?: Limits | undefined
  /**
   * Limits for each address, over all its principals. Requests without valid credentials have the same limits, counted
   * apart. An IPv6 address counts as its /64 network. Default: `limits`.
   */
  readonly limitsByAddress?: Limits | undefined
  /**
   * How many requests without valid credentials one address may send, for permissions without a limit by address. Each
   * server counts alone, and principals behind that address are not affected. Default: `100/minute`.
   */
  readonly failuresByAddress?: string | undefined
  /** Whether requests over unencrypted connections are refused. Default: false. */
  readonly requireHttps?: boolean | undefined
  /** Makes tokens for one pipeline or run. Default: the server issues no tokens. */
  readonly tokens?: TokenMaker | undefined
}

/** Why some credentials are easy to guess; empty with open access. */
export const weaknesses = (access: Access): ReadonlyArray<string> =>
  access._tag === "Open" ? [] : access.authenticators.flatMap(({ weaknesses = [] }) => weaknesses)

/** Checked options of secured access. */
export interface Rules {
  readonly authenticators: ReadonlyArray<Authenticator>
  readonly roles: ReadonlyMap<string, Grant>
  readonly acls: ReadonlyMap<string, Acl.Acl>
  readonly limits: ReadonlyMap<Permission, Rate.Rate>
  readonly limitsByAddress: ReadonlyMap<Permission, Rate.Rate>
  readonly failuresByAddress: Rate.Rate
  readonly requireHttps: boolean
  readonly tokens: TokenMaker | undefined
}

/** Every caller may do everything. For a program on its own machine, or behind a server that guards it. */
export const open: Access = { _tag: "Open" }

/** Callers may do only what these options allow. Throws `InvalidOption` for an invalid option. */
export const secured = (options: Options): Access => ({ _tag: "Secured", ...Result.getOrThrow(read(options)) })

const read = (options: Options): Result.Result<Rules, InvalidOption> =>
  Result.gen(function* () {
    const mistake =
      OptionCheck.required(OptionCheck.record, "options of Access.secured", options) ??
      OptionCheck.record("access.roles", options.roles) ??
      OptionCheck.record("access.acls", options.acls) ??
      OptionCheck.record("access.limits", options.limits) ??
      OptionCheck.record("access.limitsByAddress", options.limitsByAddress) ??
      OptionCheck.flag("access.requireHttps", options.requireHttps) ??
      wrongTokens(options.tokens)
    if (mistake !== undefined) return yield* Result.fail(mistake)
    const { authenticators, requireHttps = false, tokens } = options
    if (!Array.isArray(authenticators) || authenticators.length === 0) {
      return yield* wrong("authenticators", authenticators, "at least one authenticator, such as ApiKeys.make({ … })")
    }
    const invalid = OptionCheck.first(authenticators, wrongAuthenticator)
    if (invalid !== undefined) return yield* Result.fail(invalid)
    const limits = yield* ratesOf("limits", options.limits)
    return {
      authenticators,
      roles: yield* rolesOf(options.roles ?? {}),
      acls: yield* aclsOf(options.acls ?? {}),
      limits,
      limitsByAddress:
        options.limitsByAddress === undefined ? limits : yield* ratesOf("limitsByAddress", options.limitsByAddress),
      failuresByAddress: yield* Rate.parse("access.failuresByAddress", options.failuresByAddress ?? DEFAULT_FAILURES),
      requireHttps,
      tokens
    }
  })

const DEFAULT_FAILURES = "100/minute"

const wrongTokens = (tokens: unknown): InvalidOption | undefined =>
  OptionCheck.record("access.tokens", tokens, "a token maker, such as Tokens.make()") ??
  (tokens === undefined
    ? undefined
    : OptionCheck.first(["make", "digest"] as const, (name) =>
        OptionCheck.required(OptionCheck.callable, `access.tokens.${name}`, (tokens as Partial<TokenMaker>)[name])
      ))

const wrongAuthenticator = (authenticator: unknown, at: number): InvalidOption | undefined => {
  const what = `access.authenticators[${at}]`
  const mistake = OptionCheck.required(
    OptionCheck.record,
    what,
    authenticator,
    "an authenticator, such as ApiKeys.make({ … })"
  )
  if (mistake !== undefined) return mistake
  const { scheme, roles, weaknesses, authenticate } = authenticator as { readonly [K in keyof Authenticator]?: unknown }
  return (
    OptionCheck.required(OptionCheck.text, `${what}.scheme`, scheme, MAX_SCHEME) ??
    (String(scheme).includes(":")
      ? new InvalidOption(`${what}.scheme`, scheme, "a string without a colon")
      : undefined) ??
    OptionCheck.texts(`${what}.roles`, roles) ??
    OptionCheck.texts(`${what}.weaknesses`, weaknesses) ??
    OptionCheck.required(OptionCheck.callable, `${what}.authenticate`, authenticate)
  )
}

const wrong = (option: string, value: unknown, expected: string): Result.Result<never, InvalidOption> =>
  Result.fail(new InvalidOption(`access.${option}`, value, expected))

const rolesOf = (roles: Readonly<Record<string, Grant>>): Result.Result<ReadonlyMap<string, Grant>, InvalidOption> => {
  for (const [role, grant] of Object.entries(roles)) {
    const mistake =
      OptionCheck.text("a role in access.roles", role, MAX_PRINCIPAL_NAME) ?? invalidGrant(`roles.${role}`, grant)
    if (mistake !== undefined) return Result.fail(mistake)
  }
  return Result.succeed(new Map(Object.entries(roles)))
}

/** The first mistake in a grant; undefined when it is valid. */
export const invalidGrant = (option: string, grant: unknown): InvalidOption | undefined => {
  const { pipelines, permissions } = (grant ?? {}) as Partial<Grant>
  if (!areTexts(pipelines)) {
    return new InvalidOption(`${option}.pipelines`, pipelines, `an array of pipeline ids or patterns, "*" for all`)
  }
  const expected = `an array of ${PERMISSIONS.join(", ")}`
  if (!areTexts(permissions)) return new InvalidOption(`${option}.permissions`, permissions, expected)
  const unknown = permissions.find((each) => !PERMISSIONS.includes(each as Permission))
  return unknown === undefined ? undefined : new InvalidOption(`${option}.permissions`, unknown, expected)
}

const areTexts = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((each) => typeof each === "string" && each !== "")

const aclsOf = (
  acls: Readonly<Record<string, Acl.Acl>>
): Result.Result<ReadonlyMap<string, Acl.Acl>, InvalidOption> => {
  for (const [pipelineId, acl] of Object.entries(acls)) {
    const invalidId = Name.invalid("a pipeline's id", pipelineId)
    if (invalidId !== undefined) {
      const message = `access.acls: ${invalidId.message}`
      return Result.fail(new InvalidOption("access.acls", acls, "an object with pipeline ids as keys", message))
    }
    const [problem] = Acl.problems(acl)
    if (problem !== undefined) {
      const path = ["access.acls", pipelineId, ...problem.path].join(".")
      return Result.fail(new InvalidOption(path, acl, problem.message, `${path}: ${problem.message}`))
    }
  }
  return Result.succeed(new Map(Object.entries(acls)))
}

const ratesOf = (
  option: string,
  limits: Limits = {}
): Result.Result<ReadonlyMap<Permission, Rate.Rate>, InvalidOption> =>
  Result.gen(function* () {
    const rates = new Map<Permission, Rate.Rate>()
    for (const [permission, text] of Object.entries(limits)) {
      if (text === undefined) continue
      if (!PERMISSIONS.includes(permission as Permission)) {
        return yield* wrong(`${option}.${permission}`, text, `only limits of ${PERMISSIONS.join(", ")}`)
      }
      rates.set(permission as Permission, yield* Rate.parse(`access.${option}.${permission}`, text))
    }
    return rates
  })
