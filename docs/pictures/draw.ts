/** `npm run pictures`: draws the pictures of `docs/pictures.md`. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Layout, Svg } from "../../core/index.ts"
import { drawn, engineOf, runOf } from "./drawn.ts"

/** The text of each file, by its name. */
export const files = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(drawn).map(([name, picture]) => {
      const { pipeline } = picture
      return [`${name}.svg`, Svg.toSvg(pipeline, runOf(picture), Layout.make(pipeline, engineOf(picture)))]
    })
  )

if (import.meta.main) {
  for (const [name, text] of Object.entries(files())) writeFileSync(join(import.meta.dirname, name), text)
}
