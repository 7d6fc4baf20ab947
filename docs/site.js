/** What the site does on top of TypeDoc: names pages by their titles, and modules as programs import them. */
import { readFileSync } from "node:fs"
import { Converter, ReflectionKind } from "typedoc"

const { exports } = JSON.parse(readFileSync(new URL("../jsr.json", import.meta.url), "utf8"))
/** The name of a module by the folder of its source: `adapters/redis` is `levada/redis`. */
const modules = new Map(
  Object.entries(exports).map(([subpath, file]) => [
    file.replace(/^\.\/|\/index\.ts$/g, ""),
    subpath.replace(/^\./, "levada")
  ])
)

/** @param {import("typedoc").Application} app */
export const load = (app) => {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const title = document.content[0]?.text.match(/^# (.*)$/m)?.[1]
    if (title !== undefined) document.name = title
  })
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    // The page has a heading already.
    const first = project.readme?.[0]
    if (first !== undefined) first.text = first.text.replace(/^# .*\n/, "")
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      module.name = modules.get(module.name) ?? module.name
    }
  })
}
