/** Who is calling, and what they may do. */

/** What an operation asks for. None of them includes another. */
export type Permission = "read" | "execute" | "admin"

/** All of them. */
export const PERMISSIONS: ReadonlyArray<Permission> = ["read", "execute", "admin"]

/** What may be done, and with which pipelines. */
export interface Grant {
  /** Ids of pipelines, in which `*` stands for any characters. */
  readonly pipelines: ReadonlyArray<string>
  readonly permissions: ReadonlyArray<Permission>
}

/** How long the id of a principal and each of its roles may be, in UTF-16 units, and how many roles it may have: every audit record names them. */
export const MAX_PRINCIPAL_NAME = 250
export const MAX_ROLES = 100

/** How long the scheme of credentials may be, in UTF-16 units: clients are told it in a header. */
export const MAX_SCHEME = 100

/** Somebody that an authenticator knows. */
export interface Principal {
  /**
   * Names it in limits, ACLs and the audit log. An authenticator gives 1 to 250 characters without an unpaired surrogate,
   * never a secret; the guard puts the scheme in front: `ApiKey:ada`. Authenticators of one scheme share their ids.
   */
  readonly id: string
  /** At most 100, each a text like an id. */
  readonly roles: ReadonlyArray<string>
  /**
   * What it may do at most. Without grants, those of its roles take their place; where its roles have none either, it
   * may do what the ACLs of pipelines say of it, and nothing else.
   */
  readonly grants?: ReadonlyArray<Grant> | undefined
  /** All that a narrowed token may do: read this pipeline, or this one run of it. */
  readonly narrowed?: Narrowed | undefined
  /**
   * When its credentials are no longer good, in milliseconds since 1970: then it is known no more, what it listens to ends,
   * and so do the tokens that it was given. Default: never.
   */
  readonly expiresAtMillis?: number | undefined
}

/** When somebody's credentials are no longer good, in milliseconds since 1970; infinite where they always are. */
export const expiryOf = ({ expiresAtMillis = Number.POSITIVE_INFINITY }: Principal): number => expiresAtMillis

/** What a narrowed token may read. */
export interface Narrowed {
  readonly pipelineId: string
  /** Default: all of the pipeline. */
  readonly runId?: string | undefined
}

/** What a request says of itself, for logs, runs and the audit log. */
export interface Origin {
  /** Where it came from; undefined where nobody knows. */
  readonly address: string | undefined
  /** Names it. */
  readonly requestId: string | undefined
  /** What is asked for, in the words of the door that it came to. */
  readonly operation: string
}

/** Whoever comes to the door, before the guard knows who that is. */
export interface Visitor extends Origin {
  /** Whether the request came over an encrypted connection. */
  readonly secure: boolean
  /** The API key that was shown. */
  readonly apiKey: string | undefined
  /** The bearer token that was shown. */
  readonly bearer: string | undefined
  /** Whatever else an authenticator of the host program's own needs to see. Names in lower case. */
  readonly header: (name: string) => string | undefined
}

/** Whoever asks for something. */
export interface Caller {
  readonly principal: Principal
  readonly origin: Origin
  /** How much of a limit is left, once the guard has counted; for whoever wants to tell. */
  quota?: Quota | undefined
}

/** How much of a limit is left. */
export interface Quota {
  /** What is limited. */
  readonly permission: Permission
  readonly permits: number
  readonly periodMillis: number
  readonly remaining: number
  /** In how many milliseconds the next permit is free that is taken now. */
  readonly resetMillis: number
}

const everything = (id: string): Principal => ({
  id,
  roles: [],
  grants: [{ pipelines: ["*"], permissions: PERMISSIONS }]
})

/** The program that Levada runs in. It may do everything: it has the tasks' code in its hands anyway. */
export const host: Caller = {
  principal: everything("host"),
  origin: { address: undefined, requestId: undefined, operation: "host" }
}

/** A visitor that has shown nothing, on a route for everybody. It may do nothing, also where access is open. */
export const nobody: Caller = {
  principal: { id: "nobody", roles: [], grants: [] },
  origin: { address: undefined, requestId: undefined, operation: "nobody" }
}

/** Everybody, where access is open. */
export const anonymous: Principal = everything("anonymous")

/** The principal that a caller's own things belong to; undefined for the program, and where access is open. */
export const ownerOf = ({ principal }: Caller): string | undefined =>
  principal === host.principal || principal === anonymous ? undefined : principal.id

/** Whether an id fits a pattern, in which `*` stands for any characters. In linear time of the id for one `*`. */
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

/** What a permission is asked for on: a pipeline, any one that there is, or all of them, the server among them. */
export type Extent = { readonly pipelineId: string } | "any" | "all"

/** Whether one of the grants covers that. */
export const grants = (granted: ReadonlyArray<Grant>, permission: Permission, on: Extent): boolean => {
  for (const { pipelines, permissions } of granted) {
    if (!permissions.includes(permission)) continue
    for (const pattern of pipelines) {
      if (pattern === "*" || on === "any" || (on !== "all" && fits(pattern, on.pipelineId))) return true
    }
  }
  return false
}
