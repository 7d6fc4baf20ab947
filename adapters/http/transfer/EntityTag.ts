/**
 * Entity tags: a client that already has an answer gets 304 instead of the body. All tags are weak, because an answer has the
 * same tag whether it is compressed or not. Source: RFC 9110, 8.8.3 and 13.1.2.
 */
import type { HttpReply, HttpRequest, TextReply } from "../server/Message.ts"

/** Caches, also those of browsers, keep no answer: it may have values of runs. A client that keeps one itself sends its tag. */
const HEADERS = { "cache-control": "no-store", vary: "accept-encoding" }

/**
 * The reply of `write` with an entity tag, or 304 if the request names that tag. The tag must differ whenever the body does:
 * printable ASCII without quotes.
 */
export const tagged = (request: HttpRequest, tag: string, write: () => HttpReply): HttpReply => {
  if (isKnown(request, tag)) return notModified(tag)
  return withTag(write(), tag)
}

/** A reply with an entity tag. */
export const withTag = (reply: HttpReply, tag: string): HttpReply => ({
  ...reply,
  headers: { ...reply.headers, ...HEADERS, etag: header(tag) }
})

/** A reply with an entity tag that is a hash of its text, or 304 if the request names that tag. */
export const byText = (request: HttpRequest, reply: TextReply): HttpReply =>
  tagged(request, hash(reply.body + (reply.headers["link"] ?? "")), () => reply)

/** A hash of 64 bits, for texts that clients do not choose. */
export const hash = (text: string): string => {
  let a = 0x9e3779b9
  let b = 0x85ebca6b
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    a = Math.imul(a ^ unit, 0x01000193)
    b = Math.imul(b ^ unit, 0x5bd1e995) + (b >>> 15)
  }
  return `${(a >>> 0).toString(36)}${(b >>> 0).toString(36)}${text.length.toString(36)}`
}

/** Whether the request names the tag, so that the client needs no body. */
export const isKnown = (request: HttpRequest, tag: string): boolean => {
  const known = request.header("if-none-match")
  if (known === undefined) return false
  if (known.trim() === "*") return true
  for (const [, one] of known.matchAll(TAG)) if (one === tag) return true
  return false
}

/** The reply to a client that has the answer already. */
export const notModified = (tag: string, headers: HttpReply["headers"] = HEADERS): HttpReply => ({
  status: 304,
  headers: { ...headers, etag: header(tag) },
  body: undefined
})

/** The value of the header `ETag`. */
export const header = (tag: string): string => `W/"${tag}"`

const TAG = /"([^"]*)"/g
