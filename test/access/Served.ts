/** Serves pipelines to several principals, in this process: what one of them asks is one call of `fetch`. */
import * as Logger from "effect/Logger"
import { ApiKeys, Tokens } from "../../adapters/keys/index.ts"
import { Access, Levada, type Pipeline, type Principal, type Task } from "../../adapters/promise/index.ts"

/** An answer that was read. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  readonly json: any
}

/** What is sent besides method and path. */
export interface Sent {
  readonly json?: unknown
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A served Levada. */
export interface Served extends AsyncDisposable {
  readonly levada: Levada.Levada
  /** Asks as the principal of that name. */
  readonly as: (name: string, method: string, path: string, sent?: Sent) => Promise<Answered>
}

/** The key of a principal. */
export const keyOf = (name: string): string => `${name}-key-of-the-tests`

/** Asks a `fetch` handler. */
export const asked = async (
  levada: Pick<Levada.Levada, "fetch">,
  method: string,
  path: string,
  { json, body, headers = {} }: Sent = {}
): Promise<Answered> => {
  const sent = json === undefined ? body : JSON.stringify(json)
  const response = await levada.fetch(
    new Request(`http://localhost${path}`, {
      method,
      headers: { ...(json !== undefined && { "content-type": "application/json" }), ...headers },
      ...(sent !== undefined && { body: sent })
    })
  )
  // Events go on.
  const isStream = response.headers.get("content-type") === "text/event-stream"
  if (isStream) await response.body?.cancel()
  const text = isStream ? "" : await response.text()
  const isJson = response.headers.get("content-type") === "application/json" && text !== ""
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined }
}

/** Serves pipelines to principals, each with its grant. */
export const served = (
  principals: Readonly<Record<string, Principal.Grant>>,
  options: {
    readonly pipelines: ReadonlyArray<Pipeline.Any>
    readonly tasks?: ReadonlyArray<Task.Any>
    readonly access?: Partial<Access.Options>
  }
): Served => {
  const { access, ...rest } = options
  const keys = Object.entries(principals).map(([name, grant]) => [keyOf(name), { ...grant, id: name, role: name }])
  const made = {
    // What is refused here is logged too, and that is thousands of lines.
    telemetry: Logger.layer([]),
    ...rest,
    access: Access.secured({
      authenticators: [ApiKeys.make(Object.fromEntries(keys))],
      tokens: Tokens.make(),
      ...access
    })
  } as unknown as Levada.Options<readonly []>
  const levada = Levada.make(made)
  return {
    levada,
    as: (name, method, path, sent = {}) =>
      asked(levada, method, path, { ...sent, headers: { "x-api-key": keyOf(name), ...sent.headers } }),
    [Symbol.asyncDispose]: () => levada.close()
  }
}
