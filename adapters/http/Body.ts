/** Bodies and queries on their way in: read within bounds, parsed once, every problem reported at once. */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { Problem } from "../../core/Errors.ts"
import type { Definition } from "../../core/Registry.ts"
import { BadRequest } from "./Failures.ts"
import type { HttpRequest } from "./Message.ts"

/** The longest body, in bytes, unless set otherwise. */
export const MAX_BODY_BYTES: number = 1 << 20

/** How long `wait` waits unless told otherwise, and at most, in seconds. */
const DEFAULT_TIMEOUT = 30
const MAX_TIMEOUT = 86_400

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** The body as parsed JSON; no body is an empty object. */
export const read = async (request: HttpRequest, maxBytes: number): Promise<Result.Result<unknown, BadRequest>> => {
  const coming = request.body(maxBytes)
  // By its own word too long: answered before it is sent, and what comes of it all the same is read and forgotten.
  const refused = Number(request.header("content-length")) > maxBytes
  if (refused) coming.catch(() => undefined)
  const bytes = refused ? "too-large" : await coming
  if (bytes === "too-large") {
    return Result.fail(new BadRequest(413, "BodyTooLargeError", `The body is longer than ${maxBytes} bytes`))
  }
  if (bytes.length === 0) return Result.succeed({})
  const type = request.header("content-type")
  if (!isJson(type)) {
    const received = type === undefined ? "none" : `'${type.slice(0, 100)}'`
    return Result.fail(
      new BadRequest(415, "UnsupportedMediaTypeError", `Expected content type 'application/json', received ${received}`)
    )
  }
  try {
    return Result.succeed(JSON.parse(utf8.decode(bytes)))
  } catch {
    return Result.fail(new BadRequest(400, "MalformedJsonError", "The body is not valid JSON"))
  }
}

const isJson = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType.trim())

/** What `POST /pipelines/{id}/execute` asks for. */
export interface Execution {
  readonly parameters: unknown
  readonly wait: boolean
  readonly timeoutMillis: number
}

/** Reads an execution from body and query; the body wins. */
export const execution = (body: unknown, query: string): Result.Result<Execution, BadRequest> => {
  if (!Predicate.isObject(body)) return Result.fail(invalid([{ path: [], message: "Expected an object" }]))
  const asked = new URLSearchParams(query)
  const problems: Array<Problem> = unknownKeys(body, ["parameters", "wait", "timeout"])
  const wait = body["wait"] ?? flag(asked.get("wait"))
  const timeout = body["timeout"] ?? number(asked.get("timeout")) ?? DEFAULT_TIMEOUT
  const { parameters = {} } = body
  if (wait !== undefined && typeof wait !== "boolean")
    problems.push({ path: ["wait"], message: "Expected true or false" })
  if (typeof timeout !== "number" || !(timeout >= 0 && timeout <= MAX_TIMEOUT)) {
    problems.push({ path: ["timeout"], message: `Expected seconds from 0 to ${MAX_TIMEOUT}` })
  }
  if (!Predicate.isObject(parameters)) problems.push({ path: ["parameters"], message: "Expected an object" })
  return problems.length > 0
    ? Result.fail(invalid(problems))
    : Result.succeed({ parameters, wait: wait === true, timeoutMillis: (timeout as number) * 1_000 })
}

/** Reads the definition of a pipeline to register. */
export const definition = (id: string, body: unknown): Result.Result<Definition, BadRequest> => {
  if (!Predicate.isObject(body)) return Result.fail(invalid([{ path: [], message: "Expected an object" }]))
  const problems: Array<Problem> = unknownKeys(body, ["pipeline_type", "tasks"])
  const { pipeline_type: kind, tasks } = body
  if (kind !== "dataflow" && kind !== "sequential") {
    problems.push({ path: ["pipeline_type"], message: "Expected 'dataflow' or 'sequential'" })
  }
  if (!Array.isArray(tasks) || !tasks.every((task) => typeof task === "string")) {
    problems.push({ path: ["tasks"], message: "Expected an array of task names" })
  }
  return problems.length > 0
    ? Result.fail(invalid(problems))
    : Result.succeed({ id, kind: kind as Definition["kind"], tasks: tasks as ReadonlyArray<string> })
}

const invalid = (problems: ReadonlyArray<Problem>): BadRequest =>
  new BadRequest(400, "BodyInvalidError", `The body does not fit: ${problems.map(shown).join("; ")}`, { problems })

const shown = ({ path, message }: Problem): string => (path.length === 0 ? message : `${path.join(".")}: ${message}`)

const unknownKeys = (body: object, known: ReadonlyArray<string>): Array<Problem> =>
  Object.keys(body)
    .filter((key) => !known.includes(key))
    .map((key) => ({ path: [key.slice(0, 100)], message: `Unknown; the body's keys are: ${known.join(", ")}` }))

/** A query's yes or no; anything else is left to be refused. */
const flag = (value: string | null): boolean | string | undefined =>
  value === null ? undefined : /^(?:true|1)$/i.test(value) ? true : /^(?:false|0)$/i.test(value) ? false : value

const number = (value: string | null): number | undefined =>
  value === null ? undefined : value.trim() === "" ? Number.NaN : Number(value)
