/** Bodies on their way in: read within bounds and parsed once. */
import * as Result from "effect/Result"
import { BadRequest } from "./Failures.ts"
import type { HttpRequest } from "./Message.ts"

/** The longest body, in bytes, unless set otherwise. */
export const MAX_BODY_BYTES: number = 1 << 20

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
