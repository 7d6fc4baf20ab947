/** A real browser: the system's Chromium. */
import { existsSync } from "node:fs"
import { type Browser, chromium, type Page } from "playwright-core"

/** The shell without windows takes half the time of the browser. */
const PLACES = [
  "/usr/bin/chromium-headless-shell",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome"
]

const executablePath = process.env["CHROMIUM"] ?? PLACES.find((place) => existsSync(place))

/** Whether there is a browser. In CI there has to be one. */
export const hasBrowser: boolean = executablePath !== undefined || process.env["CI"] !== undefined

if (!hasBrowser)
  console.warn(
    "There is no Chromium here, so no page is looked at: apt-get install chromium-headless-shell, or CHROMIUM=path"
  )

/** Starts it with these additional arguments. */
export const openBrowser = (more: ReadonlyArray<string> = []): Promise<Browser> => {
  if (executablePath === undefined)
    throw new Error("There is no Chromium here: apt-get install chromium-headless-shell")
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", ...more] })
}

/** A page, with its browser's complaints and its requests to hosts other than `origin`, so far. */
export interface WatchedPage {
  readonly page: Page
  readonly complaints: ReadonlyArray<string>
}

/** A new page. Its requests to hosts other than `origin` are blocked. */
export const openPage = async (browser: Browser, origin: string): Promise<WatchedPage> => {
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
