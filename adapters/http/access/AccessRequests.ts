/** Requests to the routes about access: their types and Schemas, and their decoding into the arguments of Operations. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { TokenWish } from "../../../core/operations/AccessOperations.ts"
import type { AuditRequest } from "../../../core/store/AuditLog.ts"
import * as Acl from "../../../core/values/Acl.ts"
import { MAX_PRINCIPAL_NAME } from "../../../core/values/Principal.ts"
import * as Decoding from "../server/Decoding.ts"
import type { BadRequest } from "../server/Failures.ts"
import { millisOf, toMillis } from "../server/Instant.ts"
import { choice, instant, limit, nextCursor, seconds, textOf } from "../server/SchemaParts.ts"
import type { AclJson } from "./AccessWire.ts"

/** The body of `POST /tokens`: either `pipeline_id` or `task_id`. */
export interface TokenWishJson {
  readonly pipeline_id?: string
  readonly task_id?: string
  /** Lifetime of the token in seconds, at most 3,600. Default: 300. */
  readonly expires_in?: number
}

/** The query of `GET /audit`. */
export interface AuditQuery {
  readonly principal?: string
  readonly pipeline_id?: string
  readonly outcome?: "allowed" | "denied"
  /** Only records from `since` (inclusive) to `until` (exclusive). */
  readonly since?: string
  readonly until?: string
  /** From 1 to 1,000. Default: 100. */
  readonly limit?: number
  readonly cursor?: string
}

/** How many records an answer has by default, and at most. */
const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1_000

const role = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(MAX_PRINCIPAL_NAME))
const principal = Schema.String.check(
  Schema.isPattern(/^principal:[^:]+:[\s\S]+$/u),
  Schema.isMaxLength(Acl.MAX_NAME_OF_PRINCIPAL)
)
const names = Schema.optionalKey(
  Schema.Array(Schema.Union([role, principal]))
    .annotate({ description: "Roles, and principals as `principal:<scheme>:<id>`." })
    .check(
      Schema.isMaxLength(Acl.MAX_NAMES),
      // A name that begins with `principal:` must be a valid principal; it is not a role.
      Schema.makeFilter((read) => Acl.problems({ read }).length === 0, {
        expected: "an array of roles, and of principals as 'principal:<scheme>:<id>'"
      })
    )
)

const permissions = Schema.Struct({ read: names, execute: names, admin: names })

/** The Schema of an ACL in an answer. */
export const acl: Schema.Codec<AclJson> = permissions.annotate({ identifier: "Acl" })

/** The Schema of an ACL in a request. */
export const newAcl: Decoding.ObjectSchema<AclJson> = permissions.annotate({ identifier: "NewAcl" })

const EITHER = "Expected either 'pipeline_id' or 'task_id'"

const ttl = { expires_in: seconds("Lifetime of the token in seconds, at most 3,600. Default: 300.", 1, 3_600) }

const ofPipeline = Schema.Struct({
  pipeline_id: Schema.String.annotate({ expected: "a pipeline's id" }).annotateKey({ messageMissingKey: EITHER }),
  ...ttl
}).annotate({ identifier: "PipelineTokenWish" })

const ofRun = Schema.Struct({ task_id: textOf("a run's id"), ...ttl }).annotate({ identifier: "RunTokenWish" })

/** The Schema of a `TokenWishJson`. */
export const tokenWish: Schema.Codec<TokenWishJson> = Schema.Union([ofPipeline, ofRun]).annotate({
  identifier: "TokenWish"
})

/** The Schema of an `AuditQuery`. */
export const auditQuery: Decoding.ObjectSchema<AuditQuery> = Schema.Struct({
  principal: Schema.optionalKey(textOf("a principal's id")),
  pipeline_id: Schema.optionalKey(textOf("a pipeline's id")),
  outcome: Schema.optionalKey(choice(["allowed", "denied"])),
  since: instant("Only records at or after this instant."),
  until: instant("Only records before this instant."),
  limit: limit(MAX_LIMIT, "From 1 to 1,000. Default: 100."),
  cursor: nextCursor
})

/** Decodes the ACL to set. */
export const toAcl: (body: unknown) => Result.Result<Acl.Acl, BadRequest> = Decoding.body(Decoding.exact(newAcl))

const decodePipelineWish: Decoding.Decode<TokenWishJson> = Decoding.exact(ofPipeline)
const decodeRunWish: Decoding.Decode<TokenWishJson> = Decoding.exact(ofRun, { pipeline_id: EITHER })

const decodeWish = Decoding.body((json) =>
  (Object(json) as { readonly task_id?: unknown }).task_id === undefined
    ? decodePipelineWish(json)
    : decodeRunWish(json)
)

/** Decodes the request for a token. */
export const toTokenWish = (
  body: unknown
): Result.Result<{ readonly wish: TokenWish; readonly ttlMillis: number | undefined }, BadRequest> =>
  Result.map(decodeWish(body), ({ pipeline_id, task_id, expires_in }) => ({
    wish: task_id === undefined ? { pipelineId: pipeline_id! } : { runId: task_id },
    ttlMillis: expires_in && toMillis(expires_in)
  }))

const decodeAudit = Decoding.query(auditQuery)

/** Decodes the query of `GET /audit`. */
export const toAuditRequest = (query: string): Result.Result<AuditRequest, BadRequest> =>
  Result.map(
    decodeAudit(query),
    ({ pipeline_id, principal, outcome, since, until, limit = DEFAULT_LIMIT, cursor }) => ({
      ...Decoding.withoutUndefined({
        pipelineId: pipeline_id,
        principal,
        outcome,
        sinceMillis: millisOf(since),
        untilMillis: millisOf(until),
        cursor
      }),
      limit
    })
  )
