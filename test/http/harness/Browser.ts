/** A real browser: Chromium, as the system has it. */
import { existsSync } from "node:fs"
import { type Browser, chromium, type Page } from "playwright-core"

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]

const executablePath = process.env["CHROMIUM"] ?? PLACES.find((place) => existsSync(place))

/** Whether pages can be looked at here. In CI they have to be. */
export const hasBrowser: boolean = executablePath !== undefined || process.env["CI"] !== undefined

if (!hasBrowser)
  console.warn("There is no Chromium here, so no page is looked at: apt-get install chromium, or CHROMIUM=path")

/** Starts it, with more arguments. */
export const openBrowser = (more: ReadonlyArray<string> = []): Promise<Browser> => {
  if (executablePath === undefined) throw new Error("There is no Chromium here: apt-get install chromium")
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", ...more] })
}

/** A page, and what its browser complained of, or asked of anybody but `origin`, so far. */
export interface Watched {
  readonly page: Page
  readonly complaints: ReadonlyArray<string>
}

/** A new page. What it asks of anybody but `origin` it does not get. */
export const openPage = async (browser: Browser, origin: string): Promise<Watched> => {
  const page = await (await browser.newContext()).newPage()
  const complaints: Array<string> = []
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text())
  })
  page.on("pageerror", (error) => complaints.push(String(error)))
  await page.route(
    (url) => url.origin !== origin && url.protocol.startsWith("http"),
    (route) => {
      complaints.push(`asks for ${route.request().url()}`)
      return route.abort()
    }
  )
  return { page, complaints }
}
