/** The access control list of one pipeline: who may read, execute and administer it. */
import * as Predicate from "effect/Predicate"
import type { Problem } from "./Failure.ts"
import { MAX_PRINCIPAL_NAME, MAX_SCHEME, PERMISSIONS, type Permission, type Principal } from "./Principal.ts"
import * as Text from "./Text.ts"

/**
 * For each permission, the roles and principals that have it. A principal is written `principal:<scheme>:<id>`, such as
 * `principal:ApiKey:ada`. A principal that the ACL does not name for `read` or `execute` is refused, whatever its grants
 * allow; a named principal that has grants needs a fitting one too. Without `admin` in the ACL, grants alone decide who
 * may administer, so that an administrator can always repair the ACL.
 */
export interface Acl {
  readonly read?: ReadonlyArray<string> | undefined
  readonly execute?: ReadonlyArray<string> | undefined
  readonly admin?: ReadonlyArray<string> | undefined
}

/** The prefix that tells a principal from a role. */
export const PRINCIPAL = "principal:"

/** Whether the ACL names the principal for a permission; undefined where the grants alone decide. */
export const names = (acl: Acl, permission: Permission, principal: Principal): boolean | undefined => {
  const named = acl[permission]
  if (named === undefined) return permission === "admin" ? undefined : false
  // The issuer of a token chooses the names of roles, so a role that looks like a principal must not count as one.
  return named.some((name) =>
    name.startsWith(PRINCIPAL) ? name.slice(PRINCIPAL.length) === principal.id : principal.roles.includes(name)
  )
}

/** The most names that an ACL has for one permission. */
export const MAX_NAMES: number = 1_000
/** The longest name of a principal in an ACL, prefix and scheme included, in UTF-16 units. */
export const MAX_NAME_OF_PRINCIPAL: number = PRINCIPAL.length + MAX_SCHEME + 1 + MAX_PRINCIPAL_NAME

const isValidName = (name: unknown): boolean =>
  typeof name === "string" && name.startsWith(PRINCIPAL)
    ? Text.isKey(name, MAX_NAME_OF_PRINCIPAL) && /^[^:]+:./s.test(name.slice(PRINCIPAL.length))
    : Text.isKey(name, MAX_PRINCIPAL_NAME)

/** All mistakes in an ACL; an empty list when it is valid. */
export const problems = (acl: unknown): ReadonlyArray<Problem> => {
  if (!Predicate.isObject(acl)) return [{ path: [], message: "Expected an object with 'read', 'execute' or 'admin'" }]
  return Object.entries(acl).flatMap(([permission, named]): ReadonlyArray<Problem> => {
    if (!PERMISSIONS.includes(permission as Permission)) {
      return [{ path: [permission.slice(0, 100)], message: `Unknown; expected ${PERMISSIONS.join(", ")}` }]
    }
    const isFine = Array.isArray(named) && named.length <= MAX_NAMES && named.every(isValidName)
    if (isFine || named === undefined) return []
    return [
      { path: [permission], message: "Expected an array of roles, and of principals as 'principal:<scheme>:<id>'" }
    ]
  })
}

/** The roles that an ACL names. */
export const roles = (acl: Acl): ReadonlyArray<string> =>
  PERMISSIONS.flatMap((permission) => acl[permission] ?? []).filter((name) => !name.startsWith(PRINCIPAL))

/** The schemes of the principals that an ACL names. */
export const schemes = (acl: Acl): ReadonlyArray<string> =>
  PERMISSIONS.flatMap((permission) => acl[permission] ?? [])
    .filter((name) => name.startsWith(PRINCIPAL))
    .map((name) => name.split(":")[1]!)
