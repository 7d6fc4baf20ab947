/** Links between pages lead somewhere, and the rules that all pages keep. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { leadsTo, pages, root } from "./Pages.ts"

const byPath = new Map(pages.map((page) => [page.path, page]))

describe("links", () => {
  it("lead to files and headings that exist", () => {
    const broken = pages.flatMap((page) =>
      page.links.flatMap((link) => {
        const to = leadsTo(page, link)
        if (to === undefined) return []
        const target = byPath.get(to.path)
        const exists =
          existsSync(join(root, to.path)) && (to.anchor === "" || target === undefined || target.anchors.has(to.anchor))
        return exists ? [] : [`${page.path}:${link.line}: ${link.target}`]
      })
    )
    expect(broken).toEqual([])
  })

  it("lead to every page", () => {
    const found = new Set(["README.md"])
    for (const path of found) {
      const page = byPath.get(path)
      for (const link of page?.links ?? []) {
        const to = leadsTo(page!, link)
        if (to !== undefined && byPath.has(to.path)) found.add(to.path)
      }
    }
    expect([...byPath.keys()].filter((path) => !found.has(path))).toEqual([])
  })
})

describe("pages", () => {
  it("of docs begin with a title and what the reader can do after them", () => {
    const docs = pages.filter(({ path }) => path.startsWith("docs/") && path !== "docs/README.md")
    const wrong = docs.filter(
      ({ lines }) => !/^# \S/.test(lines[0]!) || lines[1] !== "" || !/^After this page you can \S/.test(lines[2]!)
    )
    expect(wrong.map(({ path }) => path)).toEqual([])
  })

  it("the README has at most 200 lines", () => {
    expect(byPath.get("README.md")!.lines.length).toBeLessThanOrEqual(201)
  })

  it("name no path of a machine", () => {
    const named = pages.flatMap(({ path, lines }) =>
      lines.flatMap((line, at) => (/\/(?:home|work|Users|tmp)\//.test(line) ? [`${path}:${at + 1}`] : []))
    )
    expect(named).toEqual([])
  })
})
