/** The pages that come with the package: the dashboard, its files, and the root of the API. */
import { expect, test } from "vitest"
import { ask, get, type Server } from "../../http/harness/Client.ts"

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const IMMUTABLE = "public, max-age=31536000, immutable"

const linksIn = (html: string): ReadonlyArray<string> =>
  Array.from(html.matchAll(/(?:src|href)="(?!data:)([^"]*)"/g), ([, link]) => link!)

/** The path of a link in the page at `path`, as a browser resolves it. */
const resolved = (server: Server, path: string, link: string): string => {
  const { href } = new URL(link, `${server.url}${path}`)
  expect(href.startsWith(server.url)).toBe(true)
  return href.slice(server.url.length)
}

export const pagesSuite = (server: Server): void => {
  test("the dashboard finds its files, with and without a slash at its end, and below /api/v1", async () => {
    for (const path of ["/dashboard", "/dashboard/", "/api/v1/dashboard", "/api/v1/dashboard/"]) {
      const { status, headers, text } = await get(server, path)
      expect([path, status, headers.get("content-type")]).toEqual([path, 200, "text/html; charset=utf-8"])
      expect(headers.get("content-security-policy")).toBe(POLICY)
      expect(headers.get("cache-control")).toContain("no-cache")
      const links = linksIn(text)
      expect(links.map((link) => link.replace(/^dashboard\//, "").replace(/[0-9a-f]{16}/, "#")).sort()).toEqual([
        "app.#.js",
        "style.#.css"
      ])
      for (const link of links) {
        const file = await get(server, resolved(server, path, link))
        expect([link, file.status, file.headers.get("cache-control")]).toEqual([link, 200, IMMUTABLE])
        expect(file.headers.get("content-type")).toMatch(/^text\/(?:javascript|css); charset=utf-8$/)
        expect(file.headers.get("content-security-policy")).toBe(POLICY)
        expect(file.text.length).toBeGreaterThan(10)
      }
      const again = await ask(server, "GET", path, { headers: { "if-none-match": headers.get("etag")! } })
      expect([path, again.status, again.text]).toEqual([path, 304, ""])
    }
  })

  test("a file is sent compressed or not, as the client accepts, with the same content", async () => {
    for (const path of ["/dashboard/app.js", "/docs/swagger-ui.css", "/redoc/redoc.standalone.js"]) {
      const compressed = await ask(server, "GET", path, { headers: { "accept-encoding": "gzip" } })
      const plain = await ask(server, "GET", path, { headers: { "accept-encoding": "identity" } })
      expect([path, compressed.status, compressed.headers.get("content-encoding")]).toEqual([path, 200, "gzip"])
      expect([path, plain.status, plain.headers.get("content-encoding")]).toEqual([path, 200, null])
      expect(compressed.text === plain.text, path).toBe(true)
      const tag = plain.headers.get("etag")!
      for (const { headers } of [compressed, plain]) {
        expect([headers.get("etag"), headers.get("cache-control")]).toEqual([tag, "no-cache"])
        expect(headers.get("vary")).toMatch(/accept-encoding/i)
      }
      const head = await ask(server, "HEAD", path, { headers: { "accept-encoding": "gzip" } })
      expect([head.status, head.headers.get("content-encoding"), head.text]).toEqual([200, "gzip", ""])
      const again = await ask(server, "GET", path, { headers: { "if-none-match": `"x", ${tag}` } })
      expect([path, again.status, again.text]).toEqual([path, 304, ""])
    }
  })

  test("another version of a file finds the current one, which is not cached", async () => {
    const { text } = await get(server, "/dashboard/app.js")
    const other = await get(server, "/dashboard/app.0123456789abcdef.js")
    expect([other.status, other.headers.get("cache-control"), other.text === text]).toEqual([200, "no-store", true])
  })

  test("a name that is no file's is a 404", async () => {
    for (const page of ["dashboard", "docs", "redoc"]) {
      for (const name of [
        "other.js",
        "index.html",
        "app.0123.js",
        "__proto__",
        "constructor",
        "..%2Fdocs",
        "%00",
        "app.js%2F"
      ]) {
        expect([page, name, (await get(server, `/${page}/${name}`)).status]).toEqual([page, name, 404])
      }
    }
    expect((await get(server, "/dashboard/app.js/")).status).toBe(404)
  })

  test("the root leads browsers to the dashboard, and tells others where to begin", async () => {
    for (const path of ["/", "/api/v1", "/api/v1/"]) {
      const browser = await fetch(server.url + path, {
        headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" },
        redirect: "manual"
      })
      expect([path, browser.status, browser.headers.get("vary")]).toEqual([path, 302, "accept"])
      const leads = resolved(server, path, browser.headers.get("location")!)
      expect(leads).toBe(`${path.replace(/\/$/, "")}/dashboard`)
      const { status, json } = await get(server, path)
      expect([status, json.name]).toEqual([200, "Levada"])
      for (const name of ["dashboard", "docs", "openapi", "health", "pipelines", "runs"]) {
        const link = resolved(server, path, json.links[name])
        expect([link, (await get(server, link)).status]).toEqual([link, 200])
      }
    }
    expect((await ask(server, "POST", "/")).status).toBe(405)
  })
}
