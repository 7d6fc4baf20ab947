/** The files of the documentation pages. They come with the package and are read on first use. */

/** The part of the runtime that reads files. A runtime without it has no files. */
interface Runtime {
  readonly process?: {
    readonly getBuiltinModule?: (
      name: string
    ) => { readonly readFile: (path: URL, encoding: "utf8") => Promise<string> } | undefined
  }
}

/** A file. */
export interface Asset {
  readonly contentType: string
  readonly text: string
  readonly etag: string
}

const SCRIPT = "text/javascript; charset=utf-8"

/** Content type and source package of each file, by name. */
const FILES: { readonly [name: string]: readonly [contentType: string, source: string] | undefined } = {
  "swagger-ui-bundle.js": [SCRIPT, "swagger-ui-dist/swagger-ui-bundle.js"],
  "swagger-ui.css": ["text/css; charset=utf-8", "swagger-ui-dist/swagger-ui.css"],
  "redoc.standalone.js": [SCRIPT, "redoc/bundles/redoc.standalone.js"]
}

/** Redoc loads this logo from another server; an empty image replaces it. */
const LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
const EMPTY_IMAGE = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"

const known: Map<string, Promise<Asset | undefined>> = new Map()

/** A file by its name; undefined if the name is unknown or the file is missing, as in a bundled program. */
export const asset = (name: string): Promise<Asset | undefined> => {
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined
  if (file === undefined) return Promise.resolve(undefined)
  let found = known.get(name)
  if (found === undefined) {
    found = read(name, ...file)
    known.set(name, found)
  }
  return found
}

const read = async (name: string, contentType: string, source: string): Promise<Asset | undefined> => {
  const { process } = globalThis as Runtime
  const files = process?.getBuiltinModule?.("node:fs/promises")
  // In the built package beside this file; when run from source, in the package that the file comes from.
  for (const locate of [
    () => new URL(`./assets/${name}`, import.meta.url),
    () => new URL(import.meta.resolve(source))
  ]) {
    try {
      const text = (await files!.readFile(locate(), "utf8")).replaceAll(LOGO, EMPTY_IMAGE)
      return { contentType, text, etag: await etagOf(text) }
    } catch {
      // Not there: tries the next place.
    }
  }
  return undefined
}

const etagOf = async (text: string): Promise<string> => {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))
  return `"${Array.from(digest.subarray(0, 12), (byte) => byte.toString(16).padStart(2, "0")).join("")}"`
}
