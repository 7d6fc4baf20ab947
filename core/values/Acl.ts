/** Who may do what with one pipeline. */
import * as Predicate from "effect/Predicate"
import type { Problem } from "./Failure.ts"
import { MAX_PRINCIPAL_NAME, MAX_SCHEME, PERMISSIONS, type Permission, type Principal } from "./Principal.ts"
import * as Text from "./Text.ts"

/**
 * Roles, and principals as `principal:<scheme>:<id>`, such as `principal:ApiKey:ada`, by permission. Whoever is not named for `read` or `execute` may not, however
 * much their grants allow; grants are needed all the same where a principal has any. An ACL without `admin` leaves that
 * to the grants, so that somebody can mend it.
 */
export interface Acl {
  readonly read?: ReadonlyArray<string> | undefined
  readonly execute?: ReadonlyArray<string> | undefined
  readonly admin?: ReadonlyArray<string> | undefined
}

/** In front of the scheme and the id of a principal, where a role might stand. */
export const PRINCIPAL = "principal:"

/** Whether the ACL names the principal for that; undefined where it leaves that to the grants. */
export const names = (acl: Acl, permission: Permission, principal: Principal): boolean | undefined => {
  const named = acl[permission]
  if (named === undefined) return permission === "admin" ? undefined : false
  // A role that looks like a principal is none: whoever signs tokens may name roles as they like.
  return named.some((name) =>
    name.startsWith(PRINCIPAL) ? name.slice(PRINCIPAL.length) === principal.id : principal.roles.includes(name)
  )
}

/** How many names an ACL has for a permission. */
export const MAX_NAMES: number = 1_000
/** How long the name of a principal may be, in UTF-16 units. */
export const MAX_NAME_OF_PRINCIPAL: number = PRINCIPAL.length + MAX_SCHEME + 1 + MAX_PRINCIPAL_NAME

const isNamed = (name: unknown): boolean =>
  typeof name === "string" && name.startsWith(PRINCIPAL)
    ? Text.isKey(name, MAX_NAME_OF_PRINCIPAL) && /^[^:]+:./s.test(name.slice(PRINCIPAL.length))
    : Text.isKey(name, MAX_PRINCIPAL_NAME)

/** Everything that is wrong with an ACL. */
export const problems = (acl: unknown): ReadonlyArray<Problem> => {
  if (!Predicate.isObject(acl)) return [{ path: [], message: "Expected an object with 'read', 'execute' or 'admin'" }]
  return Object.entries(acl).flatMap(([permission, named]): ReadonlyArray<Problem> => {
    if (!PERMISSIONS.includes(permission as Permission)) {
      return [{ path: [permission.slice(0, 100)], message: `Unknown; expected ${PERMISSIONS.join(", ")}` }]
    }
    const isFine = Array.isArray(named) && named.length <= MAX_NAMES && named.every(isNamed)
    if (isFine || named === undefined) return []
    return [
      { path: [permission], message: "Expected an array of roles, and of principals as 'principal:<scheme>:<id>'" }
    ]
  })
}

/** The roles that it names. */
export const roles = (acl: Acl): ReadonlyArray<string> =>
  PERMISSIONS.flatMap((permission) => acl[permission] ?? []).filter((name) => !name.startsWith(PRINCIPAL))

/** The schemes of the principals that it names. */
export const schemes = (acl: Acl): ReadonlyArray<string> =>
  PERMISSIONS.flatMap((permission) => acl[permission] ?? [])
    .filter((name) => name.startsWith(PRINCIPAL))
    .map((name) => name.split(":")[1]!)
