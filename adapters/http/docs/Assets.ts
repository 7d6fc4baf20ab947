/** The files of the documentation pages, which come with the package and are read when they are first asked for. */

/** What this uses of the runtime; everywhere else, there are no files. */
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

/** Type, and the package that it is of, by name. */
const FILES: { readonly [name: string]: readonly [contentType: string, source: string] | undefined } = {
  "swagger-ui-bundle.js": [SCRIPT, "swagger-ui-dist/swagger-ui-bundle.js"],
  "swagger-ui.css": ["text/css; charset=utf-8", "swagger-ui-dist/swagger-ui.css"],
  "redoc.standalone.js": [SCRIPT, "redoc/bundles/redoc.standalone.js"]
}

/** The one thing that Redoc has from elsewhere, beside the words that say whose it is. */
const LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
const NOTHING = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"

const known: Map<string, Promise<Asset | undefined>> = new Map()

/** A file by its name; nothing when it is none of ours, or is not at hand: in a bundled program, or where nothing is read. */
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
  // Beside what was built; or, where nothing was, in the package that it comes from.
  for (const place of [
    () => new URL(`./assets/${name}`, import.meta.url),
    () => new URL(import.meta.resolve(source))
  ]) {
    try {
      const text = (await files!.readFile(place(), "utf8")).replaceAll(LOGO, NOTHING)
      return { contentType, text, etag: await etagOf(text) }
    } catch {
      // Not there.
    }
  }
  return undefined
}

const etagOf = async (text: string): Promise<string> => {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))
  return `"${Array.from(digest.subarray(0, 12), (byte) => byte.toString(16).padStart(2, "0")).join("")}"`
}
