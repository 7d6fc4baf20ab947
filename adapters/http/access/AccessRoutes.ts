/** The routes about access: ACLs, tokens, and the audit log. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { AuditAnswer, TokenWish } from "../../../core/operations/AccessOperations.ts"
import type { AuditRequest } from "../../../core/store/AuditLog.ts"
import * as Acl from "../../../core/values/Acl.ts"
import type { BadRequest, Failure } from "../server/Failures.ts"
import { json, text } from "../server/Message.ts"
import { bodyReader, invalid, isText, queryReader, withoutUndefined } from "../server/Reader.ts"
import { about, type Call, get, post, put, type Route, read, remove } from "../server/Route.ts"
import * as AccessWire from "./AccessWire.ts"

/** How many records an answer has, unless told otherwise and at most. */
const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1_000

/** Reads which records `GET /audit` is to list. */
const auditRequest = (query: string): Result.Result<AuditRequest, BadRequest> => {
  const reader = queryReader(query)
  const pipelineId = reader.take("pipeline_id", isText, "a pipeline's id")
  const principal = reader.take("principal", isText, "a principal's id")
  const outcome = reader.among("outcome", ["allowed", "denied"])
  const [sinceMillis, untilMillis] = ["since", "until"].map((key) => reader.instant(key))
  const limit = reader.number("limit", 1, MAX_LIMIT, "a whole number", true) ?? DEFAULT_LIMIT
  const cursor = reader.cursor()
  return reader.result(() => ({
    ...withoutUndefined({ pipelineId, principal, outcome, sinceMillis, untilMillis, cursor }),
    limit
  }))
}

/** Reads what `POST /tokens` is to give out. */
const tokenRequest = (
  body: unknown
): Result.Result<{ readonly wish: TokenWish; readonly ttlMillis: number | undefined }, BadRequest> =>
  Result.flatMap(bodyReader(body, ["pipeline_id", "task_id", "expires_in"]), (reader) => {
    const pipelineId = reader.take("pipeline_id", isText, "a pipeline's id")
    const runId = reader.take("task_id", isText, "a run's id")
    const expiresIn = reader.number("expires_in", 1, 3_600, "seconds")
    const isKnown = reader.problems.some(({ path }) => path[0] !== "expires_in")
    if ((pipelineId === undefined) === (runId === undefined) && !isKnown) {
      reader.missing("pipeline_id", "Expected either 'pipeline_id' or 'task_id'")
    }
    return reader.result(() => ({
      wish: runId === undefined ? { pipelineId: pipelineId! } : { runId },
      ttlMillis: expiresIn === undefined ? undefined : expiresIn * 1_000
    }))
  })

/** Reads an ACL. */
const acl = (body: unknown): Result.Result<Acl.Acl, BadRequest> => {
  const problems = Acl.problems(body)
  return problems.length > 0 ? Result.fail(invalid("body", problems)) : Result.succeed(body as Acl.Acl)
}

const pipelineId = ({ params }: { readonly params: Readonly<Record<string, string>> }): string => params["pipeline_id"]!

const audited = (call: Call): Effect.Effect<AuditAnswer, Failure> =>
  Effect.flatMap(read(call, auditRequest(call.request.query)), (wanted) =>
    call.operations.auditRecords(call.caller, wanted)
  )

/** The routes. */
export const accessRoutes: ReadonlyArray<Route> = [
  get("/pipelines/{pipeline_id}/acl", "admin", "Who may do what with the pipeline.", (call) =>
    Effect.map(call.operations.acl(call.caller, pipelineId(call)), (of) => json(200, AccessWire.pipelineAcl(of)))
  ),
  put("/pipelines/{pipeline_id}/acl", "admin", "Sets who may do what with the pipeline, on all servers.", (call) =>
    Effect.flatMap(read(call, acl(call.body)), (wanted) =>
      Effect.map(call.operations.setAcl(call.caller, pipelineId(call), wanted), (of) =>
        json(200, AccessWire.pipelineAcl(of))
      )
    )
  ),
  remove("/pipelines/{pipeline_id}/acl", "admin", "Goes back to what the program's configuration says.", (call) =>
    Effect.map(call.operations.removeAcl(call.caller, pipelineId(call)), (of) => json(200, AccessWire.pipelineAcl(of)))
  ),
  post("/tokens", "read", "Gives out a token that reads one pipeline or run, for minutes.", (call) =>
    Effect.flatMap(read(call, tokenRequest(call.body)), ({ wish, ttlMillis }) =>
      Effect.map(call.operations.issueToken(call.caller, wish, ttlMillis), (issued) =>
        json(201, AccessWire.token(issued))
      )
    )
  ),
  about(
    "all",
    get("/audit", "admin", "Who asked for what, and was let or not, newest first.", (call) =>
      Effect.map(audited(call), (list) => json(200, AccessWire.auditRecords(list)))
    )
  ),
  about(
    "all",
    get("/audit/lines", "admin", "The same as JSON lines.", (call) =>
      Effect.map(audited(call), (list) => text(200, "application/x-ndjson", AccessWire.auditLines(list)))
    )
  )
]
