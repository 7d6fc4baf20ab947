/** Who gets in. A choice that every program has to make: there is no default. */
import * as Result from "effect/Result"
import type { TokenMaker } from "../store/Tokens.ts"
import * as Acl from "../values/Acl.ts"
import { InvalidOption } from "../values/Errors.ts"
import * as Name from "../values/Name.ts"
import * as OptionCheck from "../values/OptionCheck.ts"
import { type Grant, MAX_PRINCIPAL_NAME, MAX_SCHEME, PERMISSIONS, type Permission } from "../values/Principal.ts"
import * as Rate from "../values/Rate.ts"
import type { Authenticator } from "./Authenticator.ts"

/** The choice that was made. */
export type Access = { readonly _tag: "Open" } | ({ readonly _tag: "Secured" } & Rules)

/** How often requests of each permission may be made, such as `10/minute`. Default: without limit. */
export type Limits = { readonly [P in Permission]?: string | undefined }

/** What a program says about who gets in. */
export interface Options {
  /** Who say who somebody is; at least one. */
  readonly authenticators: ReadonlyArray<Authenticator>
  /** What principals without grants of their own may do, by their roles. Default: what ACLs say of them, and nothing else. */
  readonly roles?: Readonly<Record<string, Grant>> | undefined
  /** ACLs by pipeline. One that is set at run time takes the place of the one in here. Default: none. */
  readonly acls?: Readonly<Record<string, Acl.Acl>> | undefined
  /** For each principal. Shared by all servers on the same Store. */
  readonly limits?: Limits | undefined
  /**
   * For each address, of known principals together; the strangers of an address have as much, for themselves. An IPv6 address
   * stands for its network of 64 bits. Default: `limits`.
   */
  readonly limitsByAddress?: Limits | undefined
  /**
   * How often requests from one address may fail to prove who sends them, where `limitsByAddress` says nothing; counted by
   * each server. Known principals behind that address go on. Default: `100/minute`.
   */
  readonly failuresByAddress?: string | undefined
  /** Whether requests over connections that are not encrypted are refused. Default: false. */
  readonly requireHttps?: boolean | undefined
  /** Makes the tokens that are given out for one pipeline or run. Default: none are. */
  readonly tokens?: TokenMaker | undefined
}

/** Why credentials are easy to guess, where access is secured. */
export const weaknesses = (access: Access): ReadonlyArray<string> =>
  access._tag === "Open" ? [] : access.authenticators.flatMap(({ weaknesses = [] }) => weaknesses)

/** Options that were read and found fit. */
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

/** Everybody may do everything. For a program on its own machine, or behind something that does the guarding. */
export const open: Access = { _tag: "Open" }

/** Nobody may do anything but what these options say. Throws `InvalidOption` for one that can't be used. */
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
      return yield* wrong(
        "authenticators",
        authenticators,
        "at least one, such as ApiKeys.make({ … }): without any, nobody gets in"
      )
    }
    const strange = OptionCheck.first(authenticators, wrongAuthenticator)
    if (strange !== undefined) return yield* Result.fail(strange)
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
  OptionCheck.record("access.tokens", tokens, "what Tokens.make gives") ??
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
    "an authenticator, such as ApiKeys.make gives"
  )
  if (mistake !== undefined) return mistake
  const { scheme, roles, weaknesses, authenticate } = authenticator as { readonly [K in keyof Authenticator]?: unknown }
  return (
    OptionCheck.required(OptionCheck.text, `${what}.scheme`, scheme, MAX_SCHEME) ??
    (String(scheme).includes(":")
      ? new InvalidOption(`${what}.scheme`, scheme, "a text without a colon")
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

/** What is wrong with a grant; nothing when it can be used. */
export const invalidGrant = (option: string, grant: unknown): InvalidOption | undefined => {
  const { pipelines, permissions } = (grant ?? {}) as Partial<Grant>
  if (!areTexts(pipelines)) {
    return new InvalidOption(`${option}.pipelines`, pipelines, `an array of pipelines' ids, "*" for all`)
  }
  const expected = `an array of ${PERMISSIONS.join(", ")}`
  if (!areTexts(permissions)) return new InvalidOption(`${option}.permissions`, permissions, expected)
  const strange = permissions.find((each) => !PERMISSIONS.includes(each as Permission))
  return strange === undefined ? undefined : new InvalidOption(`${option}.permissions`, strange, expected)
}

const areTexts = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((each) => typeof each === "string" && each !== "")

const aclsOf = (
  acls: Readonly<Record<string, Acl.Acl>>
): Result.Result<ReadonlyMap<string, Acl.Acl>, InvalidOption> => {
  for (const [pipelineId, acl] of Object.entries(acls)) {
    const unusable = Name.invalid("a pipeline's id", pipelineId)
    if (unusable !== undefined) return wrong("acls", pipelineId, `ids of pipelines: ${unusable.message}`)
    const [problem] = Acl.problems(acl)
    if (problem !== undefined) {
      const path = ["acls", pipelineId, ...problem.path].join(".")
      return wrong(
        path,
        (acl as Readonly<Record<string, unknown>> | undefined)?.[String(problem.path[0])],
        problem.message
      )
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
        return yield* wrong(`${option}.${permission}`, text, `limits of ${PERMISSIONS.join(", ")}`)
      }
      rates.set(permission as Permission, yield* Rate.parse(`access.${option}.${permission}`, text))
    }
    return rates
  })
