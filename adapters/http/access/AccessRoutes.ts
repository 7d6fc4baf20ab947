/** The routes about access: ACLs, tokens, and the audit log. */
import * as Effect from "effect/Effect"
import type { AuditAnswer } from "../../../core/operations/AccessOperations.ts"
import type { Failure } from "../server/Failures.ts"
import { json, text } from "../server/Message.ts"
import { about, type Call, get, post, put, type Route, read, remove } from "../server/Route.ts"
import { toAcl, toAuditRequest, toTokenWish } from "./AccessRequests.ts"
import * as AccessWire from "./AccessWire.ts"

const pipelineId = ({ params }: { readonly params: Readonly<Record<string, string>> }): string => params["pipeline_id"]!

const audited = (call: Call): Effect.Effect<AuditAnswer, Failure> =>
  Effect.flatMap(read(call, toAuditRequest(call.request.query)), (request) =>
    call.operations.auditRecords(call.caller, request)
  )

/** The routes. */
export const accessRoutes: ReadonlyArray<Route> = [
  get("/me", "any", "Who the caller is, and what it may do.", ({ operations, caller, server }) =>
    Effect.map(operations.me(caller), (of) => json(200, AccessWire.me(of, server.isSecured)))
  ),
  get("/pipelines/{pipeline_id}/acl", "admin", "The access control list (ACL) of a pipeline.", (call) =>
    Effect.map(call.operations.acl(call.caller, pipelineId(call)), (of) => json(200, AccessWire.pipelineAcl(of)))
  ),
  put("/pipelines/{pipeline_id}/acl", "admin", "Sets the ACL of a pipeline, on all servers.", (call) =>
    Effect.flatMap(read(call, toAcl(call.body)), (request) =>
      Effect.map(call.operations.setAcl(call.caller, pipelineId(call), request), (of) =>
        json(200, AccessWire.pipelineAcl(of))
      )
    )
  ),
  remove(
    "/pipelines/{pipeline_id}/acl",
    "admin",
    "Deletes the ACL that was set; the configured ACL applies again.",
    (call) =>
      Effect.map(call.operations.removeAcl(call.caller, pipelineId(call)), (of) =>
        json(200, AccessWire.pipelineAcl(of))
      )
  ),
  {
    ...post("/tokens", "read", "Issues a short-lived token that can read one pipeline or run.", (call) =>
      Effect.flatMap(read(call, toTokenWish(call.body)), ({ wish, ttlMillis }) =>
        Effect.map(call.operations.issueToken(call.caller, wish, ttlMillis), (issued) =>
          json(201, AccessWire.token(issued))
        )
      )
    ),
    hasSecret: true
  },
  about(
    "all",
    get(
      "/audit",
      "admin",
      "The audit log: who asked for which operation, and whether it was allowed; newest first.",
      (call) => Effect.map(audited(call), (list) => json(200, AccessWire.auditRecords(list)))
    )
  ),
  about(
    "all",
    get("/audit/lines", "admin", "The audit log as JSON lines.", (call) =>
      Effect.map(audited(call), (list) => text(200, "application/x-ndjson", AccessWire.auditLines(list)))
    )
  )
]
