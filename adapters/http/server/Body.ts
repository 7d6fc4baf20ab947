/** Reads request bodies within bounds and parses them as JSON. */
import * as Result from "effect/Result"
import { BadRequest } from "./Failures.ts"
import type { HttpRequest } from "./Message.ts"

/** The default limit of a body, in bytes. */
export const MAX_BODY_BYTES: number = 1 << 20

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** How long a body may take to arrive, in milliseconds: a client that sends byte by byte must not hold resources for ever. */
const BODY_MILLIS = 30_000

/** How deeply arrays and objects may be nested. */
const MAX_DEPTH = 200

/** Reads the body as parsed JSON; an empty object if there is no body. */
export const read = async (request: HttpRequest, maxBytes: number): Promise<Result.Result<unknown, BadRequest>> => {
  const reading = inTime(request.body(maxBytes))
  // A Content-Length over the limit is refused at once; bytes that still arrive are read and discarded.
  const isDeclaredTooLarge = Number(request.header("content-length")) > maxBytes
  if (isDeclaredTooLarge) reading.catch(() => undefined)
  const bytes = isDeclaredTooLarge ? "too-large" : await reading
  if (bytes === "too-large") {
    return Result.fail(new BadRequest(413, "BodyTooLargeError", `The body is longer than ${maxBytes} bytes`))
  }
  if (bytes === "too-slow") {
    return Result.fail(
      new BadRequest(408, "BodyTooSlowError", `The body did not arrive within ${BODY_MILLIS / 1_000} s`)
    )
  }
  if (bytes.length === 0) return Result.succeed({})
  const type = request.header("content-type")
  if (!isJson(type)) {
    const received = type === undefined ? "none" : `'${type.slice(0, 100)}'`
    return Result.fail(
      new BadRequest(415, "UnsupportedMediaTypeError", `Expected content type 'application/json', received ${received}`)
    )
  }
  if (isDeep(bytes)) {
    return Result.fail(
      new BadRequest(400, "BodyTooDeepError", `The body nests arrays or objects more than ${MAX_DEPTH} levels deep`)
    )
  }
  try {
    return Result.succeed(JSON.parse(utf8.decode(bytes)))
  } catch {
    return Result.fail(new BadRequest(400, "MalformedJsonError", "The body is not valid JSON"))
  }
}

const inTime = (reading: Promise<Uint8Array | "too-large">): Promise<Uint8Array | "too-large" | "too-slow"> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve("too-slow"), BODY_MILLIS)
    reading.then(resolve, reject).finally(() => clearTimeout(timer))
  })

const [QUOTE, BACKSLASH, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = Array.from('"\\[]{}', (char) =>
  char.charCodeAt(0)
)

/** Whether a JSON text is nested deeper than the code behind the parser, which recurses, can handle. */
const isDeep = (bytes: Uint8Array): boolean => {
  // Each level takes two characters.
  if (bytes.length <= 2 * MAX_DEPTH) return false
  let depth = 0
  let isText = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (isText) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) isText = false
    } else if (byte === QUOTE) isText = true
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      if (++depth > MAX_DEPTH) return true
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--
  }
  return false
}

/** Whether a content type is `application/json` or ends in `+json`. */
export const isJson = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType.trim())
