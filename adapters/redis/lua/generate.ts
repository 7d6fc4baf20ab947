/** Writes the `.lua` files beside it into `Parts.generated.ts`, for where there are no files: `npm run lua`. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const namesIn = (folder: string): ReadonlyArray<string> =>
  readdirSync(here(`./${folder}`))
    .filter((file) => file.endsWith(".lua"))
    .map((file) => `${folder}${file.slice(0, -".lua".length)}`)
    .sort()

/** A part without its comments, which a server has no use for. */
const read = (part: string): string =>
  readFileSync(here(`./${part}.lua`), "utf8")
    .split("\n")
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
      .map((part) => `  ${/^\w+$/.test(part) ? part : JSON.stringify(part)}: ${JSON.stringify(read(part))}`)
      .join(",\n"),
    "}",
    ""
  ].join("\n")
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(here("./Parts.generated.ts"), generated())
