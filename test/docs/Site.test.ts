/** The site that `npm run docs` builds: every page and module is in it, its links hold, and it loads nothing from elsewhere. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { pages, root } from "./Pages.ts"

mkdirSync(join(root, ".vitest"), { recursive: true })
const site = mkdtempSync(join(root, ".vitest", "site-"))
afterAll(() => rmSync(site, { recursive: true }))

const unescaped = (text: string): string =>
  text
    .replaceAll("&amp;", "&")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")

const html = new Map<string, string>()
beforeAll(() => {
  const bin = (name: string): string => join(root, "node_modules", name)
  execFileSync(join(bin(".bin"), "node"), [bin("typedoc/bin/typedoc"), "--out", site], { cwd: root, stdio: "pipe" })
  for (const name of readdirSync(site, { recursive: true, encoding: "utf8" })) {
    if (name.endsWith(".html")) html.set(name.replaceAll("\\", "/"), readFileSync(join(site, name), "utf8"))
  }
}, 180_000)

const attributes = (text: string, pattern: RegExp): ReadonlyArray<string> =>
  [...text.matchAll(pattern)].map(([, value]) => unescaped(value!))

describe("the site", () => {
  it("has every page, under its title", () => {
    const titles = pages.filter(({ path }) => path !== "README.md").map(({ lines }) => lines[0]!.replace(/^# /, ""))
    const documents = [...html].filter(([name]) => name.startsWith("documents/")).map(([, text]) => text)
    expect(
      titles.filter((title) => !documents.some((text) => text.includes(`<title>${title} | Levada</title>`)))
    ).toEqual([])
  })

  it("has every module, under the name that programs import", () => {
    const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly exports: object }
    const modules = [...html].filter(([name]) => name.startsWith("modules/")).map(([, text]) => text)
    const names = Object.keys(exports).map((subpath) => subpath.replace(/^\./, "levada"))
    expect(names.filter((name) => !modules.some((text) => text.includes(`<title>${name} | Levada</title>`)))).toEqual(
      []
    )
  })

  it("has no broken link, to a page, an anchor or a file", () => {
    const ids = new Map([...html].map(([name, text]) => [name, new Set(attributes(text, /\bid="([^"]*)"/g))]))
    const broken: Array<string> = []
    for (const [name, text] of html) {
      for (const target of new Set(attributes(text, /\b(?:href|src|srcset)="([^"]*)"/g))) {
        if (/^[a-z][a-z0-9+.-]*:/i.test(target) || target === "#") continue
        const [file = "", anchor = ""] = target.split("#", 2)
        const path = decodeURIComponent(file.split("?")[0]!)
        const to = path === "" ? name : relative(site, join(site, dirname(name), path)).replaceAll("\\", "/")
        const known = ids.get(to)
        const holds =
          existsSync(join(site, to)) && (anchor === "" || known === undefined || known.has(decodeURIComponent(anchor)))
        if (!holds) broken.push(`${name}: ${target}`)
      }
    }
    expect(broken).toEqual([])
  })

  it("loads nothing from other servers", () => {
    const loaded = [...html].flatMap(([name, text]) =>
      [
        ...attributes(text, /<(?:script|img|iframe|source)\b[^>]*?\bsrc(?:set)?="([^"]*)"/g),
        ...attributes(text, /<link\b[^>]*?\bhref="([^"]*)"/g)
      ]
        .filter((target) => /^(?:https?:)?\/\//.test(target))
        .map((target) => `${name}: ${target}`)
    )
    expect(loaded).toEqual([])
  })
})
