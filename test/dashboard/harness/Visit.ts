/** Visits of the dashboard with a real browser, and what the browser complains of. */
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core"

/** A page of the dashboard. */
export interface Visit {
  readonly page: Page
  readonly context: BrowserContext
  /** Violations of the policy, errors of the console and of scripts, and requests to other hosts, so far. */
  readonly complaints: ReadonlyArray<string>
  /** Bytes of all answers so far, as they were sent. */
  readonly received: () => Promise<number>
}

/** How a visit begins. */
export interface Options extends BrowserContextOptions {
  /** The view, such as `#/runs`. */
  readonly hash?: string
  /** The path of the page. Default: `/dashboard`. */
  readonly path?: string
  /** Whose tab it is; a tab of the same context shares its storage and its connection. Default: a new visitor's. */
  readonly of?: BrowserContext
}

/** Opens a page of a server. Requests to other hosts are blocked. */
export const visit = async (browser: Browser, url: string, options: Options = {}): Promise<Visit> => {
  const { hash = "", path = "/dashboard", of, ...more } = options
  const context = of ?? (await browser.newContext({ viewport: { width: 1280, height: 800 }, ...more }))
  const page = await context.newPage()
  const complaints: Array<string> = []
  page.on("console", (message) => {
    // Of a request that failed, the text does not say which it was.
    if (message.type() === "error") complaints.push(`${message.text()} ${message.location().url}`.trim())
  })
  page.on("pageerror", (error) => complaints.push(String(error)))
  page.on("dialog", (dialog) => {
    complaints.push(`a script opened a dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  const { origin } = new URL(url)
  await page.route(
    (to) => to.origin !== origin && to.protocol.startsWith("http"),
    (route) => {
      complaints.push(`asks for ${route.request().url()}`)
      return route.abort()
    }
  )
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      console.error(`policy: ${violatedDirective} ${blockedURI}`)
    )
  })
  const sizes: Array<Promise<number>> = []
  page.on("requestfinished", (request) => {
    sizes.push(
      request.sizes().then(
        ({ responseBodySize, responseHeadersSize }) => responseBodySize + responseHeadersSize,
        // The page was closed meanwhile.
        () => 0
      )
    )
  })
  await page.goto(url + path + hash)
  return {
    page,
    context,
    complaints,
    received: async () => (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  }
}

/** Goes to another view, by its address, and waits until it has taken the place of the one before. */
export const turn = (page: Page, hash: string): Promise<void> =>
  page.evaluate(
    (next) =>
      new Promise<void>((resolve) => {
        const drawn = (): unknown => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))
        if (location.hash === next) return drawn()
        addEventListener("hashchange", drawn, { once: true })
        location.hash = next
      }),
    hash
  )
