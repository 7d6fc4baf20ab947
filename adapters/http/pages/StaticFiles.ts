/** Serves files that come with the package. They are kept compressed, and most clients get them as they are. */
import type { HttpReply, HttpRequest } from "../server/Message.ts"
import { SECURITY_HEADERS } from "../server/Message.ts"
import { acceptsGzip } from "../transfer/AcceptEncoding.ts"
import * as EntityTag from "../transfer/EntityTag.ts"

/** A file, as `npm run assets` writes it. */
export interface StaticFile {
  readonly contentType: string
  /** The content, compressed with gzip, as base64. */
  readonly gzip: string
  /** The first 16 digits of the content's SHA-256. */
  readonly hash: string
}

/** Files by name, such as `app.js`. */
export type StaticFiles = { readonly [name: string]: StaticFile }

/** A file, and how long clients may cache it. */
export interface Found {
  readonly file: StaticFile
  readonly cacheControl: string
}

type Bytes = Uint8Array<ArrayBuffer>

/** A year. The name has the content's hash, so its content never changes. */
const IMMUTABLE = "public, max-age=31536000, immutable"
const REVALIDATED = "no-cache"
const UNCACHED = "no-store"

const HASHED = /^(.+)\.([0-9a-f]{16})(\.\w+)$/

/** The name under which clients may cache a file for ever: `app.0123456789abcdef.js` for `app.js`. */
export const hashedName = (files: StaticFiles, name: string): string => {
  const dot = name.lastIndexOf(".")
  return `${name.slice(0, dot)}.${files[name]!.hash}${name.slice(dot)}`
}

/**
 * Finds a file by its name, with or without a hash. Another hash is that of an older or newer version: it finds the current
 * content, which is then not cached.
 */
export const find = (files: StaticFiles, name: string): Found | undefined => {
  if (Object.hasOwn(files, name)) return { file: files[name]!, cacheControl: REVALIDATED }
  const [, stem = "", hash, extension = ""] = HASHED.exec(name) ?? []
  const plain = stem + extension
  if (!Object.hasOwn(files, plain)) return undefined
  const file = files[plain]!
  return { file, cacheControl: file.hash === hash ? IMMUTABLE : UNCACHED }
}

/** Replies with a file. `policy`: its content security policy. */
export const reply = async (
  { file, cacheControl }: Found,
  request: HttpRequest,
  policy: string = SECURITY_HEADERS["content-security-policy"]
): Promise<HttpReply> => {
  const headers = {
    ...SECURITY_HEADERS,
    "content-security-policy": policy,
    "cache-control": cacheControl,
    vary: "accept-encoding"
  }
  const { hash, contentType } = file
  if (EntityTag.isKnown(request, hash)) return EntityTag.notModified(hash, headers)
  const more = { ...headers, "content-type": contentType, etag: EntityTag.header(hash) }
  return acceptsGzip(request)
    ? { status: 200, headers: { ...more, "content-encoding": "gzip" }, body: compressed(file) }
    : { status: 200, headers: more, body: await content(file) }
}

/** The content of a file. It is decompressed once. */
export const content = (file: StaticFile): Promise<Bytes> => {
  let found = contents.get(file)
  if (found === undefined) {
    const stream = new Blob([compressed(file)]).stream().pipeThrough(new DecompressionStream("gzip"))
    found = new Response(stream).arrayBuffer().then((buffer) => new Uint8Array(buffer))
    contents.set(file, found)
  }
  return found
}

const contents: WeakMap<StaticFile, Promise<Bytes>> = new WeakMap()
const decoded: WeakMap<StaticFile, Bytes> = new WeakMap()

const compressed = (file: StaticFile): Bytes => {
  let bytes = decoded.get(file)
  if (bytes === undefined) {
    const characters = atob(file.gzip)
    bytes = new Uint8Array(characters.length)
    for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at)
    decoded.set(file, bytes)
  }
  return bytes
}
