/** Bodies on their way in: read within bounds and parsed once. */
import * as Result from "effect/Result"
import { BadRequest } from "./Failures.ts"
import type { HttpRequest } from "./Message.ts"

/** The longest body, in bytes, unless set otherwise. */
export const MAX_BODY_BYTES: number = 1 << 20

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** How long a body may take to come, in milliseconds: whoever sends it byte by byte must not hold a place for ever. */
const BODY_MILLIS = 30_000

/** How deep arrays and objects may be in one another. */
const MAX_DEPTH = 200

/** The body as parsed JSON; no body is an empty object. */
export const read = async (request: HttpRequest, maxBytes: number): Promise<Result.Result<unknown, BadRequest>> => {
  const coming = inTime(request.body(maxBytes))
  // By its own word too long: answered before it is sent, and what comes of it all the same is read and forgotten.
  const refused = Number(request.header("content-length")) > maxBytes
  if (refused) coming.catch(() => undefined)
  const bytes = refused ? "too-large" : await coming
  if (bytes === "too-large") {
    return Result.fail(new BadRequest(413, "BodyTooLargeError", `The body is longer than ${maxBytes} bytes`))
  }
  if (bytes === "too-slow") {
    return Result.fail(
      new BadRequest(408, "BodyTooSlowError", `The body took more than ${BODY_MILLIS / 1_000} s to come`)
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
      new BadRequest(400, "BodyTooDeepError", `The body has more than ${MAX_DEPTH} arrays or objects in one another`)
    )
  }
  try {
    return Result.succeed(JSON.parse(utf8.decode(bytes)))
  } catch {
    return Result.fail(new BadRequest(400, "MalformedJsonError", "The body is not valid JSON"))
  }
}

const inTime = (coming: Promise<Uint8Array | "too-large">): Promise<Uint8Array | "too-large" | "too-slow"> =>
  new Promise((resolve, reject) => {
    const late = setTimeout(() => resolve("too-slow"), BODY_MILLIS)
    coming.then(resolve, reject).finally(() => clearTimeout(late))
  })

const [QUOTE, BACKSLASH, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = Array.from('"\\[]{}', (char) =>
  char.charCodeAt(0)
)

/** Whether a JSON text goes deeper than what comes after the parser can follow. */
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

/** Whether a content type is one of JSON. */
export const isJson = (contentType: string | undefined): boolean =>
  contentType !== undefined && /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType.trim())
