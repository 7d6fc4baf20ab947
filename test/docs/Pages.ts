/** The pages that people read, as a test sees them: their code, their headings and their links. */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"

export const root = join(import.meta.dirname, "..", "..")

/** A block of code in a page. */
export interface Block {
  readonly language: string
  readonly text: string
  /** The line of the page that it begins at, from 1. */
  readonly line: number
}

/** A link, or an image. */
export interface Link {
  readonly target: string
  readonly line: number
}

export interface Page {
  /** From the root of the repository, such as `docs/steps.md`. */
  readonly path: string
  readonly lines: ReadonlyArray<string>
  readonly blocks: ReadonlyArray<Block>
  /** The anchors of its headings, as GitHub makes them. */
  readonly anchors: ReadonlySet<string>
  readonly links: ReadonlyArray<Link>
}

/** The anchor that GitHub gives a heading. */
const anchorOf = (heading: string): string =>
  heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}\s_-]/gu, "")
    .trim()
    .replaceAll(" ", "-")

const LINK =
  /\[(?:[^[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|<(?:img|source|a)\s[^>]*?(?:src|srcset|href)="([^"]+)"/g

export const read = (path: string): Page => {
  const lines = readFileSync(join(root, path), "utf8").split("\n")
  const blocks: Array<Block> = []
  const anchors = new Set<string>()
  const links: Array<Link> = []
  let open:
    | { readonly indent: string; readonly language: string; readonly line: number; readonly text: Array<string> }
    | undefined
  for (const [at, line] of lines.entries()) {
    const fence = /^(\s*)```(\w*)\s*$/.exec(line)
    if (open !== undefined) {
      if (fence !== null && fence[2] === "") {
        blocks.push({ language: open.language, line: open.line, text: `${open.text.join("\n")}\n` })
        open = undefined
      } else open.text.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line)
      continue
    }
    if (fence !== null) {
      open = { indent: fence[1]!, language: fence[2]!, line: at + 1, text: [] }
      continue
    }
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)
    if (heading !== null) {
      const anchor = anchorOf(heading[1]!)
      let name = anchor
      for (let use = 1; anchors.has(name); use++) name = `${anchor}-${use}`
      anchors.add(name)
    }
    for (const [, markdown, html] of line.replaceAll(/`[^`]*`/g, "").matchAll(LINK)) {
      links.push({ target: (markdown ?? html)!, line: at + 1 })
    }
  }
  return { path, lines, blocks, anchors, links }
}

const under = (folder: string): ReadonlyArray<string> =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .sort()

/** Every page of the repository. */
export const pages: ReadonlyArray<Page> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...under("docs")].map(read)

/** The path from the root that a link of a page leads to, and the anchor there; undefined for a link to another site. */
export const leadsTo = (
  page: Page,
  { target }: Link
): { readonly path: string; readonly anchor: string } | undefined => {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined
  const [file = "", anchor = ""] = target.split("#", 2)
  const path = file === "" ? page.path : relative(root, join(root, dirname(page.path), decodeURIComponent(file)))
  return { path: path.replaceAll("\\", "/"), anchor }
}
