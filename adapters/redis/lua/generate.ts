/** Writes the `.lua` files beside it into `Parts.generated.ts`, for where there are no files: `npm run lua`. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { TABLES } from "./Codes.ts"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const namesIn = (folder: string): ReadonlyArray<string> =>
  readdirSync(here(`./${folder}`))
    .filter((file) => file.endsWith(".lua"))
    .map((file) => `${folder}${file.slice(0, -".lua".length)}`)
    .sort()

// A code, with the quotes of texts that it is put together with: `' .. KEY.run .. '`.
const CODE = new RegExp(`(' \\.\\. )?\\b(${Object.keys(TABLES).join("|")})\\.(\\w+)\\b( \\.\\. ')?`, "g")

/**
 * A line with texts and numbers in the place of codes: as literals, because a chunk of Lua has room for 200 local variables
 * only. A text becomes one with the texts before and behind it. Throws for a name that no table has.
 */
const inline = (line: string): string =>
  line.trimStart().startsWith("--")
    ? line
    : line.replace(CODE, (code, before = "", table: string, name: string, behind = "") => {
        const value = TABLES[table]![name]
        if (value === undefined) throw new Error(`Codes.ts has no ${table}.${name}`)
        if (typeof value === "number") return code.replace(`${table}.${name}`, String(value))
        return `${before === "" ? "'" : ""}${value}${behind === "" ? "'" : ""}`
      })

/** The lines of a part, with its comments. */
export const linesOf = (part: string): ReadonlyArray<string> =>
  readFileSync(here(`./${part}.lua`), "utf8")
    .trimEnd()
    .split("\n")
    .map(inline)

/** A part without its comments, which a server has no use for. */
const textOf = (part: string): string =>
  linesOf(part)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("--"))
    .join("\n")

/** The module as it is to be. */
export const generated = (): string => {
  const parts = [...namesIn(""), ...namesIn("commands/")]
  return [
    "/** Made from the `.lua` files by `npm run lua`; not to be edited. */",
    "",
    "/** The name of a part: the path of its file. */",
    `export type Part =\n${parts.map((part) => `  | ${JSON.stringify(part)}`).join("\n")}`,
    "",
    "/** The parts that scripts are put together from. */",
    "export const PARTS: Readonly<Record<Part, string>> = {",
    parts
      .map((part) => `  ${/^\w+$/.test(part) ? part : JSON.stringify(part)}: ${JSON.stringify(textOf(part))}`)
      .join(",\n"),
    "}",
    ""
  ].join("\n")
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(here("./Parts.generated.ts"), generated())
