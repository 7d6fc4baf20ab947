/** Pictures with a palette, as a browser reads them. */

import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { hasBrowser, openBrowser } from "../http/harness/Browser.ts"
import { withPalette } from "./Palette.ts"

describe.skipIf(!hasBrowser)("a picture with a palette", () => {
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    browser = await openBrowser()
    page = await browser.newPage({ viewport: { width: 200, height: 150 } })
  })
  afterAll(() => browser?.close())

  /** The red, green and blue of every pixel. */
  const pixels = (png: Buffer): Promise<ReadonlyArray<number>> =>
    page.evaluate(async (data) => {
      const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob())
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!
      context.drawImage(bitmap, 0, 0)
      return Array.from(context.getImageData(0, 0, bitmap.width, bitmap.height).data)
    }, png.toString("base64"))

  it("is the same, and smaller, where it has few colours", async () => {
    await page.setContent(
      '<body style="margin:0;background:repeating-linear-gradient(45deg,#123 0 9px,#fed 9px 20px)"><h1 style="background:#c00;color:#fff">Failed'
    )
    const png = await page.screenshot()
    const small = withPalette(png)
    expect(small.length).toBeLessThan(png.length)
    expect(await pixels(small)).toEqual(await pixels(png))
  })

  it("keeps rare colours, and is nearly the same, where it has thousands", async () => {
    await page.setContent(
      '<body style="margin:0;background:linear-gradient(90deg,#000,#00f),linear-gradient(#000,#f00);background-blend-mode:screen"><i style="display:block;width:4px;height:4px;background:#0f0">'
    )
    const png = await page.screenshot()
    const [before, after] = [await pixels(png), await pixels(withPalette(png))]
    expect(after.slice(0, 4)).toEqual([0, 255, 0, 255])
    const furthest = before.reduce((most, value, at) => Math.max(most, Math.abs(value - after[at]!)), 0)
    expect(furthest).toBeLessThanOrEqual(48)
  })
})
