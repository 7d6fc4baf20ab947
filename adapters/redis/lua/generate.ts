/** `npm run lua`: writes the `.lua` files into `Parts.generated.ts`, because bundles have no files to read. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { TABLES } from "./Codes.ts"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const namesIn = (folder: string): ReadonlyArray<string> =>
  readdirSync(here(`./${folder}`))
    .filter((file) => file.endsWith(".lua"))
    .map((file) => `${folder}${file.slice(0, -".lua".length)}`)
    .sort()

// A name such as `KEY.run`, with the quotes of the texts before and after it: `' .. KEY.run .. '`.
const CODE = new RegExp(`(' \\.\\. )?\\b(${Object.keys(TABLES).join("|")})\\.(\\w+)\\b( \\.\\. ')?`, "g")

/**
 * Replaces names such as `KEY.run` in a line by their values. They become literals, because a chunk of Lua has at most 200
 * local variables. A text merges with the texts before and after it. Throws for a name that is in no table.
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

/** A part without comments and indentation. */
const textOf = (part: string): string =>
  linesOf(part)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("--"))
    .join("\n")

/** The text of `Parts.generated.ts`. */
export const generated = (): string => {
  const parts = [...namesIn(""), ...namesIn("commands/")]
  return [
    "/** Generated from the `.lua` files by `npm run lua`. Do not edit. */",
    "",
    "/** The name of a part: the path of its file. */",
    `export type Part =\n${parts.map((part) => `  | ${JSON.stringify(part)}`).join("\n")}`,
    "",
    "/** The parts of scripts. */",
    "export const PARTS: Readonly<Record<Part, string>> = {",
    parts
      .map((part) => `  ${/^\w+$/.test(part) ? part : JSON.stringify(part)}: ${JSON.stringify(textOf(part))}`)
      .join(",\n"),
    "}",
    ""
  ].join("\n")
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(here("./Parts.generated.ts"), generated())
