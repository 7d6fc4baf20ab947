/** A client that knows a server by its URL alone, and looks at every answer for what no answer may ever have. */
import { expect } from "vitest"

/** A server under test, once it listens. */
export interface Server {
  /** With the base path that the API is mounted at, if any; without a slash at the end. */
  readonly url: string
}

/** Parsed JSON that a test is about to look into. */
// biome-ignore lint/suspicious/noExplicitAny: the assertions are what says which shape it has
export type Json = any

/** An answer, read to its end. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The parsed text, when it is JSON. */
  readonly json: Json
}

/** What may be sent besides method and path. */
export interface Sending {
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it is. */
  readonly body?: RequestInit["body"]
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Asks a server. An answer with a status of 400 or more has to have the shape of an error. */
export const ask = async (server: Server, method: string, path: string, sending: Sending = {}): Promise<Answer> => {
  const { json, body, headers, signal } = sending
  const response = await fetch(server.url + path, {
    method,
    // A POST without a body needs the type too, where access is open.
    headers: { ...((json !== undefined || (method === "POST" && body === undefined)) && JSON_SENT), ...headers },
    ...(json !== undefined && { body: JSON.stringify(json) }),
    ...(body !== undefined && { body }),
    ...(signal !== undefined && { signal })
  })
  const text = await response.text()
  const isJson = JSON_TYPE.test(response.headers.get("content-type") ?? "")
  const answer = {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== "" ? JSON.parse(text) : undefined
  }
  if (answer.status >= 400 && method !== "HEAD") expectErrorShape(answer)
  return answer
}

/** What a response says; of events, which go on, the beginning. */
export const textOf = async (response: Response): Promise<string> => {
  if (response.headers.get("content-type") !== "text/event-stream" || response.body === null) return response.text()
  const reader = response.body.getReader()
  const { value } = await reader.read()
  await reader.cancel()
  return new TextDecoder().decode(value)
}

const JSON_SENT = { "content-type": "application/json" }
const JSON_TYPE = /^application\/json(?:;\s*charset=utf-8)?$/i

/** `GET path`. */
export const get = (server: Server, path: string): Promise<Answer> => ask(server, "GET", path)

/** `POST path` with a JSON body. */
export const post = (
  server: Server,
  path: string,
  json: unknown,
  headers?: Readonly<Record<string, string>>
): Promise<Answer> => ask(server, "POST", path, { json, ...(headers !== undefined && { headers }) })

/** The path of a pipeline, its id escaped. */
export const pathOf = (pipelineId: string, rest = ""): string => `/pipelines/${encodeURIComponent(pipelineId)}${rest}`

/** Runs a pipeline and waits for it. */
export const execute = (server: Server, pipelineId: string, parameters: unknown): Promise<Answer> =>
  post(server, pathOf(pipelineId, "/execute"), { parameters, wait: true, timeout: 60 })

/** Starts a run. Gives its `task_id`. */
export const start = async (server: Server, pipelineId: string, parameters: unknown): Promise<string> => {
  const { status, json } = await post(server, pathOf(pipelineId, "/execute"), { parameters })
  expect([status, json?.status]).toEqual([202, "STARTED"])
  return json.task_id
}

/** Where a pipeline is. */
export const statusOf = async (server: Server, pipelineId: string): Promise<Json> => {
  const { status, json } = await get(server, pathOf(pipelineId, "/status"))
  expect(status).toBe(200)
  return json
}

/** The answer that is not 202 any more. */
export const resultOf = async (server: Server, taskId: string): Promise<Answer> =>
  until(`the result of ${taskId}`, async () => {
    const answer = await get(server, `/pipelines/result/${taskId}`)
    return answer.status === 202 ? undefined : answer
  })

/** Registers a pipeline under an id that no other test has. Gives the id. */
export const register = async (
  server: Server,
  tasks: ReadonlyArray<string>,
  kind: "dataflow" | "sequential" = "dataflow"
): Promise<string> => {
  const id = unused()
  const { status, text } = await post(server, pathOf(id), { pipeline_type: kind, tasks })
  expect(status, text).toBe(201)
  return id
}

let used = 0

/** A name that nothing has had before. */
export const unused = (): string => `fresh_${++used}_${Math.random().toString(36).slice(2)}`

/** The first value that `look` gives; it looks again and again, for ten seconds. */
export const until = async <A>(what: string, look: () => Promise<A | undefined>): Promise<A> => {
  const deadline = Date.now() + 10_000
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** ISO 8601 in UTC with a trailing `Z`. */
export const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/

/** Whether the text is an instant of the last minutes. */
export const expectRecent = (text: unknown): void => {
  expect(text).toMatch(INSTANT)
  expect(Math.abs(Date.now() - Date.parse(text as string))).toBeLessThan(300_000)
}

/** The keys of an object, sorted. */
export const keysOf = (json: Json): ReadonlyArray<string> => Object.keys(json).sort()

const REQUIRED = ["error", "message", "timestamp"]
const ALLOWED = [...REQUIRED, "pipeline_id", "step", "task_id", "details"]

/** What must hold of every error, whatever it is about. */
export const expectErrorShape = (answer: Answer): void => {
  const { status, headers, json, text } = answer
  const shown = `${status} ${text.slice(0, 500)}`
  expect(headers.get("content-type"), shown).toMatch(JSON_TYPE)
  expect(keysOf(json), shown).toEqual(expect.arrayContaining(REQUIRED))
  expect(ALLOWED, shown).toEqual(expect.arrayContaining(Object.keys(json)))
  expect(json.error, shown).toMatch(/^[A-Z][A-Za-z]+Error$/)
  expect(typeof json.message, shown).toBe("string")
  expect(json.message, shown).not.toBe("")
  expectRecent(json.timestamp)
  for (const key of ["pipeline_id", "step", "task_id"]) {
    if (key in json) expect(typeof json[key], shown).toBe("string")
  }
  if ("details" in json) {
    expect(json.details.length, shown).toBeGreaterThan(0)
    for (const detail of json.details) {
      expect(keysOf(detail), shown).toEqual(["message", "path"])
      expect([typeof detail.path, typeof detail.message], shown).toEqual(["string", "string"])
    }
  }
  expectNoLeak(answer)
}

// Files of the host, this repository among them, and what was printed by mistake.
const LEAKS = [/file:\/\//, /node_modules/, /\[object Object\]/, process.cwd()]

// A frame of a stack; and the word `undefined`, unless it is at the end, where a task may have thrown just that.
const LEAKS_OF_MESSAGES = [/^\s*at .*:\d+/m, /^\s+at \S/m, /\bundefined\b(?!$)/]

/** No stack, no path of the host, nothing that was printed by mistake. */
const expectNoLeak = ({ text, json }: Answer): void => {
  for (const leak of LEAKS) expect(text).not.toMatch(leak)
  const messages = [json.message, ...(json.details ?? []).map((detail: { readonly message: string }) => detail.message)]
  for (const message of messages) {
    for (const leak of LEAKS_OF_MESSAGES) expect(message).not.toMatch(leak)
  }
}

/** The paths that an error's details name. */
export const detailPaths = ({ json }: Answer): ReadonlyArray<string> =>
  (json.details ?? []).map(({ path }: { readonly path: string }) => path).sort()
