/**
 * `npm run screenshots`: photographs the dashboard by the table in `Shots.ts`, in light and dark, wide and on a phone.
 *
 * npm run screenshots -- [FOLDER] [--only NAME] [--scheme light] [--size phone]
 *
 * Without a folder, writes those that the docs show into docs/dashboard; with one, all. `--only`: shots whose name begins so.
 * Prints a line for each picture; exits with 1 if a page complained.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { Browser, Page } from "playwright-core"
import { openBrowser } from "../http/harness/Browser.ts"
import * as DemoServer from "./harness/DemoServer.ts"
import { withPalette } from "./Palette.ts"
import { DEMOS, SCHEMES, SHOTS, type Shot, SIZES } from "./Shots.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string", default: "" }, scheme: { type: "string" }, size: { type: "string" } }
})
const [given] = positionals
const folder = given ?? join(import.meta.dirname, "../../docs/dashboard")
const wanted = SHOTS.filter(({ name, isInDocs }) => name.startsWith(values.only) && (given !== undefined || isInDocs))
const schemes = SCHEMES.filter((scheme) => scheme === (values.scheme ?? scheme))
const sizes = Object.entries(SIZES).filter(([size]) => size === (values.size ?? size))

/** How often a page is photographed until it stays the same. */
const TRIES = 20

/** Waits until two pictures are the same; a page that never rests is taken as it is. */
const settled = async (page: Page): Promise<Buffer> => {
  await page.waitForFunction(() => document.fonts.status === "loaded")
  let last = await page.screenshot({ animations: "disabled", caret: "hide" })
  for (let tries = 0; tries < TRIES; tries++) {
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 150)))
    const next = await page.screenshot({ animations: "disabled", caret: "hide" })
    if (next.equals(last)) return next
    last = next
  }
  return last
}

const signIn = async (page: Page, key: string): Promise<void> => {
  const field = page.locator('input[type="password"]')
  await field.fill(key)
  await field.press("Enter")
}

let complained = false

/** A page that shows what is to be photographed. */
interface Opened {
  readonly page: Page
  readonly file: string
  readonly complaints: ReadonlyArray<string>
}

/** Opens a shot once for each scheme and size, one after the other, because they share two cores with the server. */
async function* opened(browser: Browser, demo: DemoServer.Demo, shot: Shot): AsyncGenerator<Opened> {
  const route = typeof shot.route === "string" ? shot.route : await shot.route(demo)
  for (const colorScheme of schemes) {
    for (const [size, viewport] of sizes) {
      const options = {
        viewport,
        colorScheme,
        locale: "en-GB",
        timezoneId: "Europe/Lisbon",
        hasTouch: size === "phone"
      }
      const page = await (await browser.newContext(options)).newPage()
      const complaints: Array<string> = []
      page.on("pageerror", (error) => complaints.push(String(error)))
      page.on("console", (message) => {
        if (message.type() === "error" && shot.hasComplaints !== true) complaints.push(message.text())
      })
      await page.goto(`${demo.url}/dashboard#/${route}`)
      if (shot.key !== undefined) await signIn(page, shot.key)
      await settled(page)
      yield { page, file: `${shot.name}-${size}-${colorScheme}.png`, complaints }
    }
  }
}

const photograph = async ({ page, file, complaints }: Opened, shot: Shot): Promise<void> => {
  await shot.act?.(page)
  const png = withPalette(await settled(page))
  writeFileSync(join(folder, file), png)
  console.log(`${file} ${Math.ceil(png.length / 1_024)} kB`)
  for (const complaint of new Set(complaints)) console.error(`  complains: ${complaint}`)
  complained ||= complaints.length > 0
  await page.context().close()
}

mkdirSync(folder, { recursive: true })
const browser = await openBrowser()
for (const [name, options] of Object.entries(DEMOS)) {
  const shots = wanted.filter(({ of }) => of === name)
  if (shots.length === 0) continue
  const demo = await DemoServer.make(options)
  try {
    for (const shot of shots.filter(({ isOffline }) => isOffline !== true)) {
      for await (const one of opened(browser, demo, shot)) await photograph(one, shot)
    }
    const last: Array<readonly [Opened, Shot]> = []
    for (const shot of shots.filter(({ isOffline }) => isOffline === true)) {
      for await (const one of opened(browser, demo, shot)) last.push([one, shot])
    }
    await demo.close()
    for (const [one, shot] of last) await photograph(one, shot)
  } finally {
    await demo.close()
  }
}
await browser.close()
process.exit(complained ? 1 : 0)
