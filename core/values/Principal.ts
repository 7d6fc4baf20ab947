/** The caller of an operation, its permissions, and the origin of its request. */

/** The permission that an operation requires. No permission includes another. */
export type Permission = "read" | "execute" | "admin"

/** Every permission. */
export const PERMISSIONS: ReadonlyArray<Permission> = ["read", "execute", "admin"]

/** Permissions on the pipelines that match a pattern. */
export interface Grant {
  /** Patterns of pipeline ids, in which `*` stands for any characters. */
  readonly pipelines: ReadonlyArray<string>
  readonly permissions: ReadonlyArray<Permission>
}

/** The longest id of a principal and the longest role, in UTF-16 units. Bounded, because every audit record contains them. */
export const MAX_PRINCIPAL_NAME = 250
/** The most roles of a principal. */
export const MAX_ROLES = 100

/** The longest scheme of credentials, in UTF-16 units. Bounded, because the server sends it in a header. */
export const MAX_SCHEME = 100

/** An authenticated caller: a person or a program. */
export interface Principal {
  /**
   * Identifies the principal in limits, ACLs and the audit log. An authenticator gives 1 to 250 characters without an
   * unpaired surrogate, never a secret; the guard adds the scheme in front: `ApiKey:ada`. Authenticators with the same
   * scheme share their ids.
   */
  readonly id: string
  /** At most 100, each with the same rule as an id. */
  readonly roles: ReadonlyArray<string>
  /**
   * The most that the principal may do. Default: the grants of its roles. If its roles have no grants either, only the
   * ACLs of pipelines give it permissions.
   */
  readonly grants?: ReadonlyArray<Grant> | undefined
  /** Set for a narrowed token, which may only read one pipeline or one run. */
  readonly narrowed?: Narrowed | undefined
  /**
   * When the credentials expire, in milliseconds since 1970. After this instant authentication fails, and the principal's
   * streams and tokens end. Default: never.
   */
  readonly expiresAtMillis?: number | undefined
}

/** When a principal's credentials expire, in milliseconds since 1970; `Infinity` when they never do. */
export const expiryOf = ({ expiresAtMillis = Number.POSITIVE_INFINITY }: Principal): number => expiresAtMillis

/** The pipeline or run that a narrowed token may read. */
export interface Narrowed {
  readonly pipelineId: string
  /** Default: all of the pipeline. */
  readonly runId?: string | undefined
}

/** Where a request came from, for logs, runs and the audit log. */
export interface Origin {
  /** The client's IP address; undefined when unknown. */
  readonly address: string | undefined
  /** The request's own id; undefined when it has none. */
  readonly requestId: string | undefined
  /** The requested operation, in the words of the adapter, such as `POST /dags/a/execute`. */
  readonly operation: string
}

/** A request before authentication: its origin and its credentials. */
export interface Visitor extends Origin {
  /** Whether the request came over an encrypted connection. */
  readonly secure: boolean
  /** The API key in the request. */
  readonly apiKey: string | undefined
  /** The bearer token in the request. */
  readonly bearer: string | undefined
  /** Any other header, for authenticators of your own. Names in lower case. */
  readonly header: (name: string) => string | undefined
}

/** The principal of a request, and its origin. */
export interface Caller {
  readonly principal: Principal
  readonly origin: Origin
  /** How much of the rate limit is left; set by the guard when it counts the request, for response headers. */
  quota?: Quota | undefined
}

/** How much of a rate limit is left. */
export interface Quota {
  /** The permission whose requests are limited. */
  readonly permission: Permission
  readonly permits: number
  readonly periodMillis: number
  readonly remaining: number
  /** In how many milliseconds the oldest used permit becomes free again. */
  readonly resetMillis: number
}

const everything = (id: string): Principal => ({
  id,
  roles: [],
  grants: [{ pipelines: ["*"], permissions: PERMISSIONS }]
})

/** The program that Levada runs in. It may do everything, because it contains the tasks' code anyway. */
export const host: Caller = {
  principal: everything("host"),
  origin: { address: undefined, requestId: undefined, operation: "host" }
}

/** The caller of a public route without credentials. It has no permission, even with open access. */
export const nobody: Caller = {
  principal: { id: "nobody", roles: [], grants: [] },
  origin: { address: undefined, requestId: undefined, operation: "nobody" }
}

/** Every caller, when access is open. It may do everything. */
export const anonymous: Principal = everything("anonymous")

/** The id of the principal that owns what the caller creates; undefined for the host program and with open access. */
export const ownerOf = ({ principal }: Caller): string | undefined =>
  principal === host.principal || principal === anonymous ? undefined : principal.id

/** Whether an id matches a pattern, in which `*` stands for any characters. Linear in the id for a pattern with one `*`. */
export const fits = (pattern: string, id: string): boolean => {
  let at = 0
  let from = 0
  let star = -1
  let resume = 0
  while (at < id.length) {
    if (from < pattern.length && pattern[from] === "*") {
      star = from++
      resume = at
    } else if (from < pattern.length && pattern[from] === id[at]) {
      from++
      at++
    } else if (star === -1) return false
    else {
      from = star + 1
      at = ++resume
    }
  }
  while (pattern[from] === "*") from++
  return from === pattern.length
}

/** The pipelines on which a permission is required: one, at least one (`any`), or all and the server itself (`all`). */
export type Extent = { readonly pipelineId: string } | "any" | "all"

/** Whether one of the grants gives the permission on the extent. */
export const grants = (granted: ReadonlyArray<Grant>, permission: Permission, on: Extent): boolean => {
  for (const { pipelines, permissions } of granted) {
    if (!permissions.includes(permission)) continue
    for (const pattern of pipelines) {
      if (pattern === "*" || on === "any" || (on !== "all" && fits(pattern, on.pipelineId))) return true
    }
  }
  return false
}
