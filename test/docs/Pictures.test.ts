/** The pictures of the docs show the pipelines that they are made from. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { Dag } from "../../core/index.ts"
import { drawn } from "../../docs/images/drawn.ts"
import { files } from "../../docs/pictures/draw.ts"
import { root } from "./Pages.ts"

it.each(Object.entries(drawn))("%s.svg has the edges of its pipeline", (name, { dag }) => {
  const svg = readFileSync(join(root, "docs", "images", `${name}.svg`), "utf8")
  const shown = [...svg.matchAll(/<title>([^<]*)&#45;&gt;([^<]*)<\/title>/g)].map(([, from, to]) => `${from} -> ${to}`)
  expect(shown.sort()).toEqual(
    Dag.edges(dag)
      .map(({ from, to }) => `${from} -> ${to}`)
      .sort()
  )
})

it.each(Object.entries(files()))("docs/pictures/%s is what `npm run pictures` draws", (name, text) => {
  expect(readFileSync(join(root, "docs", "pictures", name), "utf8")).toBe(text)
})
