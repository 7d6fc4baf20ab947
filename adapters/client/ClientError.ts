/** The error that a client rejects with. */
import type { ErrorJson } from "../http/server/Failures.ts"

/** A refusal by the server, or no answer at all. It contains nothing of the request. */
export class ClientError extends Error {
  override readonly name = "ClientError"
  /** The HTTP status; 0 without an answer. */
  readonly status: number
  /** The name of the failure, such as `ParametersInvalidError`; `ConnectionError` without an answer. */
  readonly error: string
  readonly details: NonNullable<ErrorJson["details"]>
  readonly pipelineId: string | undefined
  readonly step: string | undefined
  readonly taskId: string | undefined
  /** The `X-Request-Id` of the answer. The server's logs contain it too. */
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

/** Makes the error for an unsuccessful answer, even if it does not come from Levada. */
export const errorOf = async (response: Response): Promise<ClientError> => {
  const { status, headers } = response
  const requestId = headers.get("x-request-id")
  try {
    const body = (await response.json()) as ErrorJson
    if (typeof body.error === "string" && typeof body.message === "string") {
      return new ClientError(status, body, requestId)
    }
  } catch {
    // Not an answer of Levada, but for example a proxy's page.
  }
  return new ClientError(status, { error: "HttpError", message: `The server answered ${status}` }, requestId)
}
