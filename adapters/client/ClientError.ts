/** What a client rejects with. */
import type { ErrorJson } from "../http/server/Failures.ts"

/** An answer that says why not, or no answer at all. Nothing that was sent is in it. */
export class ClientError extends Error {
  override readonly name = "ClientError"
  /** The status; 0 when there was no answer. */
  readonly status: number
  /** Which failure it is, such as `ParametersInvalidError`; `ConnectionError` when there was no answer. */
  readonly error: string
  readonly details: NonNullable<ErrorJson["details"]>
  readonly pipelineId: string | undefined
  readonly step: string | undefined
  readonly taskId: string | undefined
  /** The `X-Request-Id` of the answer, by which the server's logs name it. */
  readonly requestId: string | undefined

  constructor(
    status: number,
    body: Partial<ErrorJson> & Pick<ErrorJson, "error" | "message">,
    requestId?: string | null,
    options?: ErrorOptions
  ) {
    super(body.message, options)
    this.status = status
    this.error = body.error
    this.details = body.details ?? []
    this.pipelineId = body.pipeline_id
    this.step = body.step
    this.taskId = body.task_id
    this.requestId = requestId ?? undefined
  }
}

/** The error of an answer, of whatever server it is. */
export const errorOf = async (response: Response): Promise<ClientError> => {
  const { status, headers } = response
  const requestId = headers.get("x-request-id")
  try {
    const body = (await response.json()) as ErrorJson
    if (typeof body.error === "string" && typeof body.message === "string") {
      return new ClientError(status, body, requestId)
    }
  } catch {
    // Not ours: a proxy's page, say.
  }
  return new ClientError(status, { error: "HttpError", message: `The server answered ${status}` }, requestId)
}
